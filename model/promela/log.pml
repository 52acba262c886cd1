/*
 * The core of the log design for spin, written from the design and not from the other model: values with the snapshot
 * of their reading, HEARD, the gate, two instances, writers with fences or from psql, a COMMIT that is late, a Redis
 * that goes back. One key; a set of transactions is a mask; J is one tick.
 *
 * W0, W1: 0 nobody, 1 Kith (at instance 0), 2 psql.  R0, R1: the instance of each reader; 2 nobody.  NF: how often Redis
 * may go back.  LATE: a COMMIT may be late.  F1: floors are what was acknowledged or seen, and memory is not used.
 * Each other switch changes one rule: NO_BELIEF, ONE_ID, MEMORY_IGNORES_GATE, SILENCE_OPENS, LESS_THAN_J,
 * LOG_UNCONFIRMED_ONLY, NOT_BELIEVED_AGAIN, NO_OPEN_GATE (the gate never closes), DELETE_AFTER_COMMIT, BLIND_FILL.
 */
#ifndef NF
#define NF 0
#endif
#define J 1
#define NOBODY 2

mtype = { NOTHING, FENCE, LEASE, VALUE };

mtype kind = VALUE;           /* the key in Redis: its kind, and its writer, reader or snapshot */
byte argument = 0;
mtype copyKind = VALUE;       /* what Redis may go back to */
byte copyArgument = 0;
byte left = NF;

byte visible = 0;             /* the committed transactions */
byte logged = 0;              /* the rows of the log */
bool locked = false;
byte relied = 0;              /* writers whose fence may not end */

byte atTick = 0;              /* what was visible at the last tick, and at the one before */
byte atTickBefore = 0;
byte promised = 0;            /* F1: acknowledged or seen */

typedef Instance {
  byte seen; byte heard; byte age = 0; bool open = true;
  bool remembers = false; byte memory = 0;
  bool checking = false; byte snapshot = 0; byte rows = 0; byte checkAge = 0; bool inRow = false
};
Instance inst[2];

#ifdef F1
#define OWED promised
#else
#ifdef LESS_THAN_J
#define OWED atTick
#else
#define OWED atTickBefore
#endif
#endif

#define HAS(set, part) (((part) & ~(set)) == 0)

#ifdef NO_BELIEF
#define BELIEVED(i, value) true
#else
#define BELIEVED(i, value) HAS(value, inst[i].heard)
#endif

#ifdef NO_OPEN_GATE
#define OPEN(i) true
#else
#define OPEN(i) (inst[i].open && inst[i].age <= J)
#endif

#ifdef MEMORY_IGNORES_GATE
#define MAY_REMEMBER(i) true
#else
#define MAY_REMEMBER(i) OPEN(i)
#endif

inline set_key(newKind, newArgument) { kind = newKind; argument = newArgument }

inline returned(value) {
  assert(HAS(value, owed));
#ifdef F1
  promised = promised | value;
#endif
  owed = 0
}

inline commit(w, confirmed) {
  visible = visible | (1 << w);
#ifdef LOG_UNCONFIRMED_ONLY
  if :: confirmed :: else -> logged = logged | (1 << w) fi;
#else
  logged = logged | (1 << w);
#endif
  locked = false
}

proctype Psql(byte w) {
  atomic { !locked -> locked = true };
  atomic { commit(w, false) }
}

proctype Writer(byte w) {
  atomic { !locked -> locked = true };
#ifndef DELETE_AFTER_COMMIT
  atomic { set_key(FENCE, w); relied = relied | (1 << w) };
#endif
  if
  :: atomic { commit(w, true); relied = relied & ~(1 << w) }
#ifdef LATE
  :: atomic { relied = relied & ~(1 << w) };                 /* nobody knows; its fence may end before it */
     atomic { commit(w, true) };
     goto end_writer
#endif
  fi;
  atomic { if :: kind == FENCE && argument != w :: else -> set_key(NOTHING, 0) fi };
  atomic {
    inst[0].heard = inst[0].heard | (1 << w);
    inst[0].remembers = false; inst[0].memory = 0;
#ifdef F1
    promised = promised | (1 << w)
#endif
  };
end_writer: skip
}

proctype Reader(byte me; byte i) {
  byte owed = 0, value = 0;
end_start:
  atomic {
    owed = OWED;
    if
    :: inst[i].remembers && MAY_REMEMBER(i) -> returned(inst[i].memory); goto end_start
    :: else
    fi;
    if
    :: !OPEN(i) -> goto bypass
    :: OPEN(i) && kind == VALUE && BELIEVED(i, argument) -> value = argument; returned(value); goto keep
    :: OPEN(i) && kind == VALUE && !BELIEVED(i, argument) -> value = argument; goto replace
    :: OPEN(i) && kind == NOTHING -> goto lease
    :: OPEN(i) && (kind == FENCE || kind == LEASE) -> goto bypass
    fi
  };
lease:
  atomic {
#ifdef BLIND_FILL
    goto row
#else
    if :: kind == NOTHING -> set_key(LEASE, me); goto row :: else -> goto bypass fi
#endif
  };
replace:
  atomic {
    if
    :: kind == VALUE && argument == value -> set_key(LEASE, me); value = 0; goto row
    :: else -> value = 0; goto bypass
    fi
  };
row:
  atomic { value = visible; returned(value) };
  atomic {
#ifdef BLIND_FILL
    set_key(VALUE, value);
#else
    if :: kind == LEASE && argument == me -> set_key(VALUE, value) :: else fi;
#endif
    goto keep
  };
bypass:
  atomic { value = visible; returned(value) };
keep:
  atomic {
#ifndef F1
#ifdef NOT_BELIEVED_AGAIN
    inst[i].remembers = true; inst[i].memory = value;
#else
    if :: BELIEVED(i, value) -> inst[i].remembers = true; inst[i].memory = value :: else fi;
#endif
#endif
    value = 0; goto end_start
  }
}

proctype Check(byte i) {
end_check:
  do
  :: atomic {
       inst[i].age > 0 || !inst[i].open || visible != inst[i].seen ->
       inst[i].checking = true; inst[i].checkAge = 0;
       inst[i].snapshot = visible; inst[i].rows = logged & ~inst[i].seen;
       inst[i].inRow = (inst[i].age <= J) };
     do
     :: atomic {
          if
          :: inst[i].rows != 0 ->
             inst[i].remembers = false; inst[i].memory = 0;
#ifdef ONE_ID
             if
             :: inst[i].rows >= 2 || inst[i].heard >= 2 -> inst[i].heard = 2
             :: else -> inst[i].heard = 1
             fi
#else
             inst[i].heard = inst[i].rows | (inst[i].heard & ~inst[i].seen)
#endif
          :: else
          fi;
          inst[i].seen = inst[i].snapshot; inst[i].age = inst[i].checkAge; inst[i].open = inst[i].inRow;
          inst[i].checking = false; inst[i].checkAge = 0; inst[i].snapshot = 0; inst[i].rows = 0;
          inst[i].inRow = false };
        break
#ifdef SILENCE_OPENS
     :: atomic { inst[i].age > 0 -> inst[i].age = 0 }
#endif
     od
  od
}

inline older(i) {
  if :: inst[i].age <= J -> inst[i].age++ :: else fi;
  if :: inst[i].checking && inst[i].checkAge <= J -> inst[i].checkAge++ :: else fi
}

proctype Clock() {
end_clock:
  do
  :: d_step {
#ifndef F1
       atTickBefore = atTick; atTick = visible;
#endif
       older(0); older(1) }
  od
}

proctype Redis() {
end_redis:
  do
  :: atomic { kind == VALUE || kind == LEASE -> set_key(NOTHING, 0) }
  :: atomic { kind == FENCE && (relied & (1 << argument)) == 0 -> set_key(NOTHING, 0) }
  :: atomic { left > 0 && (copyKind != kind || copyArgument != argument) -> copyKind = kind; copyArgument = argument }
  :: atomic { left > 0 -> left--; set_key(copyKind, copyArgument) }
  od
}

init {
  atomic {
#if W0 == 1
    run Writer(0);
#elif W0 == 2
    run Psql(0);
#endif
#if W1 == 1
    run Writer(1);
#elif W1 == 2
    run Psql(1);
#endif
#if R0 != NOBODY
    run Reader(0, R0);
#endif
#if R1 != NOBODY
    run Reader(1, R1);
#endif
#if (R0 == 0 || R1 == 0) && !defined(NO_OPEN_GATE)
    run Check(0);
#endif
#if (R0 == 1 || R1 == 1) && !defined(NO_OPEN_GATE)
    run Check(1);
#endif
#ifndef NO_OPEN_GATE
    run Clock();               /* without a gate and belief nothing depends on time */
#endif
    run Redis()
  }
}
