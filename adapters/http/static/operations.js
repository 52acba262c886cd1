// @ts-check
// Draws the operations page from `/state`, which it asks again every two seconds for what is new. It writes text and
// never markup, so nothing that was logged can become a part of the page.

/** @typedef {import('../wire/operations-wire.ts').WireLiveState} State */
/** @typedef {import('../wire/operations-wire.ts').WireSample} Sample */
/** @typedef {import('../wire/operations-wire.ts').WireEvent} LoggedEvent */
/** @typedef {{ text: string, tone?: 'good' | 'warn' | 'bad' }} Fact */

const everyMs = 2000;
const patienceMs = 5000;
const maxSamples = 300;
const maxEvents = 100;
const chartHeight = 180;
/** Thirty samples of two seconds. */
const recentSamples = 30;

/** @type {Sample[]} */
let samples = [];
/** @type {Map<number, LoggedEvent>} */
let events = new Map();
let lastEvent = 0;
let lastUptimeMs = 0;

/** @param {string} id @returns {HTMLElement} */
const element = (id) => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`nothing is called ${id}`);
  return found;
};

/** @param {string} name @param {string} text @param {string} [className] */
const make = (name, text, className = '') => {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
};

const whole = new Intl.NumberFormat('en');

/** @param {number} value */
const short = (value) =>
  value >= 100 ? whole.format(Math.round(value)) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
/** @param {number | null} ms */
const duration = (ms) => {
  if (ms === null) return 'unknown';
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
};
/** @param {number} ms */
const since = (ms) => {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} days`;
};
/** @param {number | null} bytes */
const size = (bytes) => {
  if (bytes === null) return 'unknown';
  return bytes < 1_048_576 ? `${Math.round(bytes / 1024)} KiB` : `${short(bytes / 1_048_576)} MiB`;
};
/** @param {number} part @param {number} all */
const percent = (part, all) => (all === 0 ? '–' : `${((100 * part) / all).toFixed(1)} %`);
/** @param {{ memory: number, redis: number, database: number }} of */
const total = (of) => of.memory + of.redis + of.database;

// The numbers at the top

/** @param {string} id @param {Fact} fact @param {string} hint */
const showTile = (id, fact, hint) => {
  const figure = element(id);
  figure.textContent = fact.text;
  figure.className = `figure ${fact.tone ?? ''}`;
  element(`${id}-hint`).textContent = hint;
};

/** @param {State} state */
const showTiles = (state) => {
  const recent = samples.slice(-recentSamples);
  const sum = (/** @type {(sample: Sample) => number} */ pick) =>
    recent.reduce((all, sample) => all + pick(sample), 0);
  const lookups = sum(total);
  const hits = sum(({ memory, redis }) => memory + redis);
  const asked = total(state.lookups);
  const ever =
    asked === 0
      ? 'nor since the start'
      : `since the start ${percent(state.lookups.memory + state.lookups.redis, asked)}`;
  showTile(
    'hit-rate',
    { text: percent(hits, lookups) },
    lookups === 0 ? `nobody asked lately; ${ever}` : `last minute; ${ever}`,
  );

  const ms = sum(({ length_ms }) => length_ms);
  const errors = sum((sample) => sample.errors);
  const requests = sum((sample) => sample.requests);
  showTile(
    'throughput',
    { text: ms === 0 ? '–' : `${short((1000 * requests) / ms)} /s` },
    errors === 0 ? 'last minute; no server errors' : `last minute; ${whole.format(errors)} server errors`,
  );

  const slow = recent.map(({ p99_ms }) => p99_ms ?? 0);
  const worst = Math.max(0, ...slow);
  showTile(
    'latency',
    { text: requests === 0 ? '–' : duration(worst) },
    requests === 0 ? 'no requests in the last minute' : 'the worst two seconds of the last minute',
  );

  const { staleness_ms: age, max_staleness_ms: bound, uses_redis } = state.cache;
  if (age === null) {
    const why = uses_redis
      ? `no proof: memory is out of use (bound ${duration(bound)})`
      : `kept for ${duration(bound)} at most`;
    showTile('staleness', uses_redis ? { text: 'unproved', tone: 'warn' } : { text: '–' }, why);
  } else {
    showTile('staleness', { text: duration(age) }, `of at most ${duration(bound)}`);
  }
};

// Charts

/** @typedef {{ id: string, series: { label: string, color: string, dash?: number[], fill?: boolean, points: (sample: Sample) => number | null }[], unit: string, max?: number, empty: string, stacked?: boolean }} Plan */

let maxStalenessMs = 0;

/** @param {(sample: Sample) => number} pick @returns {(sample: Sample) => number} */
const perSecond = (pick) => (sample) =>
  sample.length_ms === 0 ? 0 : (1000 * pick(sample)) / sample.length_ms;

/** @type {Plan[]} */
const plans = [
  {
    id: 'chart-lookups',
    unit: '/s',
    empty: 'No look-ups in the last ten minutes.',
    stacked: true,
    series: [
      { label: 'memory', color: '--memory', fill: true, points: perSecond(total) },
      {
        label: 'Redis',
        color: '--redis',
        fill: true,
        points: perSecond(({ redis, database }) => redis + database),
      },
      { label: 'database', color: '--database', fill: true, points: perSecond(({ database }) => database) },
    ],
  },
  {
    id: 'chart-hit-rate',
    unit: ' %',
    max: 100,
    empty: 'No look-ups in the last ten minutes, so there is no rate.',
    series: [
      {
        label: 'hit rate',
        color: '--memory',
        fill: true,
        points: (sample) =>
          total(sample) === 0 ? null : (100 * (sample.memory + sample.redis)) / total(sample),
      },
    ],
  },
  {
    id: 'chart-latency',
    unit: ' ms',
    empty: 'No requests in the last ten minutes.',
    series: [
      { label: 'p99', color: '--redis', points: ({ p99_ms }) => p99_ms },
      { label: 'p50', color: '--memory', points: ({ p50_ms }) => p50_ms },
    ],
  },
  {
    id: 'chart-staleness',
    unit: ' ms',
    empty: 'No proof in the last ten minutes: memory is out of use.',
    series: [
      { label: 'staleness', color: '--redis', fill: true, points: ({ staleness_ms }) => staleness_ms },
      { label: 'bound', color: '--bad', dash: [6, 4], points: () => maxStalenessMs },
    ],
  },
];

/** @param {string} name */
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** @type {Map<string, import('uplot')>} */
const charts = new Map();

/** @param {number} seconds */
const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });

/** @param {Plan} plan @returns {import('uplot').Series[]} */
const seriesOf = (plan) => [
  { label: 'at', value: (_, at) => (at === null ? 'now' : clock(at)) },
  ...plan.series.map(({ label, color: name, dash, fill }, index) => ({
    label,
    stroke: color(name),
    width: 1.5,
    dash: dash ?? [],
    fill: fill ? `${color(name)}${plan.stacked ? '55' : '22'}` : 'transparent',
    // Only a value between two gaps, which no line can show.
    points: { show: true, size: 4, filter: isolated },
    value: (/** @type {import('uplot')} */ { data, cursor }, /** @type {number | null} */ value) => {
      // While nobody points anywhere: how it is now.
      const at = cursor.idx ?? data[0].length - 1;
      const shown = value ?? data[index + 1]?.[at];
      if (shown === null || shown === undefined) return '–';
      // What lies under it in the stack is drawn, but is not what it is about.
      const below = plan.stacked ? (data[index + 2]?.[at] ?? 0) : 0;
      return `${short(shown - below)}${plan.unit}`;
    },
  })),
];

/** @param {import('uplot')} chart @param {number} index @returns {number[]} */
const isolated = ({ data }, index) => {
  const values = data[index] ?? [];
  const at = (/** @type {number} */ position) => values[position] ?? null;
  return [...values.keys()].filter(
    (position) => at(position) !== null && at(position - 1) === null && at(position + 1) === null,
  );
};

/** @param {Plan} plan @param {HTMLElement} holder @returns {import('uplot')} */
const makeChart = (plan, holder) => {
  const axis = {
    stroke: color('--soft'),
    font: '11px system-ui',
    grid: { stroke: color('--grid'), width: 1 },
    ticks: { show: false },
  };
  /** @type {import('uplot').Options} */
  const options = {
    width: holder.clientWidth,
    height: chartHeight,
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      // At least a minute, so that the first samples are where they will be.
      x: { range: (_, min, max) => [Math.min(min, max - 60), max] },
      y: {
        range: (_, _min, max) => [0, plan.max ?? (max === null || max <= 0 ? 1 : max * 1.15)],
      },
    },
    axes: [
      { ...axis, space: 70, values: (_, ticks) => ticks.map(clock) },
      { ...axis, size: 52, values: (_, ticks) => ticks.map((tick) => whole.format(tick)) },
    ],
    series: seriesOf(plan),
  };
  /** @type {typeof import('uplot')} */
  const Chart = Reflect.get(globalThis, 'uPlot');
  return new Chart(options, [[]], holder);
};

const showCharts = () => {
  const hasCharts = Reflect.has(globalThis, 'uPlot');
  for (const plan of plans) {
    const holder = element(plan.id);
    const empty = element(`${plan.id}-empty`);
    const main = plan.series[0];
    const isEmpty =
      main === undefined ||
      !samples.some(
        (sample) =>
          (main.points(sample) ?? 0) > 0 || (plan.max !== undefined && main.points(sample) !== null),
      );
    holder.hidden = isEmpty || !hasCharts;
    empty.hidden = !holder.hidden;
    empty.textContent =
      samples.length === 0
        ? 'The first sample comes within two seconds.'
        : hasCharts
          ? plan.empty
          : 'The package that draws charts (uplot) is not installed.';
    if (holder.hidden) continue;
    let chart = charts.get(plan.id);
    if (chart === undefined) {
      chart = makeChart(plan, holder);
      charts.set(plan.id, chart);
    }
    chart.setData([
      samples.map(({ at }) => Date.parse(at) / 1000),
      ...plan.series.map(({ points }) => samples.map(points)),
    ]);
  }
};

const redraw = () => {
  for (const chart of charts.values()) chart.destroy();
  charts.clear();
  showCharts();
};

// Panels

/** @param {string} id @param {[string, Fact][]} facts @param {{ value: number, bound: number } | null} [meter] */
const showFacts = (id, facts, meter = null) => {
  const nodes = facts.flatMap(([name, { text, tone }]) => [make('dt', name), make('dd', text, tone)]);
  if (meter !== null) {
    const bar = document.createElement('meter');
    bar.className = 'meter';
    bar.max = meter.bound;
    bar.low = meter.bound * 0.7;
    bar.high = meter.bound * 0.95;
    bar.optimum = 0;
    bar.value = Math.min(meter.value, meter.bound);
    bar.title = `${duration(meter.value)} of ${duration(meter.bound)}`;
    nodes.push(bar);
  }
  element(id).replaceChildren(...nodes);
};

/** @param {string} state @returns {Fact} */
const circuit = (state) => ({
  text: state,
  tone: state === 'closed' ? 'good' : state === 'open' ? 'bad' : 'warn',
});
/** @param {number} count @returns {Fact} */
const trouble = (count) => (count === 0 ? { text: '0' } : { text: whole.format(count), tone: 'warn' });

/** @param {State['cache']['gate']} state @returns {Fact} */
const gate = (state) =>
  state === 'open'
    ? { text: 'open', tone: 'good' }
    : state === 'closed'
      ? { text: 'closed', tone: 'bad' }
      : { text: 'open without the database', tone: 'warn' };

/** @param {State['cache']['gate']} state @param {State['log']} log @returns {Fact} */
const lastCheck = (state, { age_ms, bound_ms }) => {
  if (age_ms !== null) {
    return {
      text: `${duration(age_ms)} ago`,
      ...(age_ms > bound_ms ? { tone: /** @type {const} */ ('bad') } : {}),
    };
  }
  // One process that makes all changes itself has nobody to hear of.
  return state === 'open' ? { text: 'not needed' } : { text: 'none yet', tone: 'bad' };
};

/** Only the reasons that there were. @param {State['disbeliefs']} disbeliefs @returns {[string, Fact][]} */
const beliefs = (disbeliefs) => [
  [
    'values not believed',
    { text: whole.format(Object.values(disbeliefs).reduce((sum, count) => sum + count, 0)) },
  ],
  ...Object.entries(disbeliefs)
    .filter(([, count]) => count > 0)
    .map(
      ([reason, count]) =>
        /** @type {[string, Fact]} */ ([
          `of them ${reason.replaceAll('-', ' ')}`,
          { text: whole.format(count) },
        ]),
    ),
];

/** @param {State['audits']} audits @returns {[string, Fact][]} */
const audited = (audits) =>
  audits === null
    ? [['answers audited', { text: 'none' }]]
    : [
        ['answers audited', { text: whole.format(audits.audited) }],
        [
          'of them too old',
          audits.stale === 0 ? { text: '0' } : { text: whole.format(audits.stale), tone: 'bad' },
        ],
      ];

const places = { memory: 'memory', redis: 'memory, Redis', upstash: 'memory, Redis over REST' };

/** @param {State} state */
const showPanels = ({
  cache,
  log,
  disbeliefs,
  audits,
  database,
  hashing,
  fences,
  invalidations,
  log_ins,
  limits,
}) => {
  const failures = Object.values(cache.failures).reduce((sum, count) => sum + count, 0);
  showFacts('tiers', [
    ['serves from', { text: places[cache.backend] }],
    ...(cache.uses_redis
      ? /** @type {[string, Fact][]} */ ([
          ['Redis circuit', circuit(cache.circuit)],
          ['Redis round trip', { text: duration(cache.latency_ms) }],
          ['Redis memory', { text: size(cache.memory_used_bytes) }],
          ['Redis failures', trouble(failures)],
          ['unreadable values', trouble(cache.unreadable)],
        ])
      : /** @type {[string, Fact][]} */ ([['Redis', { text: 'not configured' }]])),
    ['entries in memory', { text: whole.format(cache.entries_in_memory) }],
  ]);
  showFacts(
    'log',
    [
      ['gate', gate(cache.gate)],
      ['last answered check', lastCheck(cache.gate, log)],
      ['bound', { text: duration(log.bound_ms) }],
      ['checks answered', { text: whole.format(log.checks.answered) }],
      ['checks without one', trouble(log.checks.refused + log.checks.silent)],
      ['began anew', trouble(log.checks.anew)],
      ...beliefs(disbeliefs),
      ...audited(audits),
      ['invalidations', { text: whole.format(invalidations) }],
      [
        'fences unconfirmed',
        {
          text: `${whole.format(fences.unconfirmed)} of ${whole.format(fences.confirmed + fences.unconfirmed)}`,
          ...(fences.unconfirmed > 0 ? { tone: /** @type {const} */ ('warn') } : {}),
        },
      ],
    ],
    log.age_ms === null ? null : { value: log.age_ms, bound: log.bound_ms },
  );
  showFacts('database', [
    ...(database === null
      ? /** @type {[string, Fact][]} */ ([['state', { text: 'cannot be told' }]])
      : /** @type {[string, Fact][]} */ ([
          ['circuit', circuit(database.circuit)],
          ['can be woken', database.listening ? { text: 'yes', tone: 'good' } : { text: 'no', tone: 'warn' }],
          [
            'connections in use',
            { text: `${database.connections - database.idle_connections} of ${database.connections}` },
          ],
          ['waiting', trouble(database.waiting)],
        ])),
  ]);
  const refused = Object.entries(log_ins).filter(([outcome]) => outcome !== 'ok');
  showFacts('people', [
    ['log-ins', { text: whole.format(log_ins['ok'] ?? 0) }],
    ...refused.map(
      ([outcome, count]) =>
        /** @type {[string, Fact]} */ ([outcome.replaceAll('-', ' '), { text: whole.format(count) }]),
    ),
    [
      'refused by address',
      { text: whole.format((limits['log-in refused'] ?? 0) + (limits['registration refused'] ?? 0)) },
    ],
    ...(hashing === null
      ? []
      : /** @type {[string, Fact][]} */ ([
          ['hashes under way', { text: String(hashing.running) }],
          ['hashes waiting', trouble(hashing.waiting)],
        ])),
  ]);
};

/** @param {State} state */
const showReads = ({ reads, cache }) => {
  const rows = reads.map(({ kind, memory, redis }) => {
    const sum = (/** @type {Record<string, number>} */ of) =>
      Object.values(of).reduce((total, count) => total + count, 0);
    const all = sum(memory);
    const below = sum(redis);
    const row = make('tr', '', all === 0 ? 'unused' : '');
    const name = make('th', kind);
    name.setAttribute('scope', 'row');
    row.append(
      name,
      make('td', percent(memory.hit, all)),
      make('td', cache.uses_redis ? percent(redis.hit, below) : 'none'),
      make('td', whole.format(all)),
      make('td', whole.format(memory.fenced)),
      make('td', whole.format(memory.unavailable)),
    );
    return row;
  });
  const body = element('reads').querySelector('tbody');
  body?.replaceChildren(...rows);
};

/** @param {LoggedEvent[]} news */
const showEvents = (news) => {
  if (news.length > 0) {
    // One that came again has a new number and takes the place of the last.
    for (const event of news) {
      const last = [...events.values()].at(-1);
      const isAgain = last?.event === event.event && event.number - last.number < event.times;
      if (isAgain) events.delete(last.number);
      events.set(event.number, event);
      lastEvent = Math.max(lastEvent, event.number);
    }
    events = new Map([...events].slice(-maxEvents));
    const items = [...events.values()].reverse().map(({ at, level, event, times, fields }) => {
      const item = make('li', '');
      const when = make('time', new Date(at).toLocaleTimeString([], { hour12: false }));
      when.setAttribute('datetime', at);
      when.title = at;
      const details = Object.entries(fields)
        .map(([name, value]) => `${name}=${value}`)
        .join('  ');
      const tone = level === 'info' ? '' : level === 'warn' ? 'warn' : 'bad';
      item.append(
        when,
        make('span', level, tone),
        make('span', times > 1 ? `${event} ×${whole.format(times)}` : event, 'event'),
        make('span', details, 'fields'),
      );
      return item;
    });
    element('events').replaceChildren(...items);
  }
  element('events-empty').hidden = events.size > 0;
};

// What is wrong, in words

/** @param {State} state @returns {Fact[]} */
const noticesOf = ({ cache, database, audits }) => {
  /** @type {Fact[]} */
  const notices = [];
  if (audits !== null && audits.stale > 0) {
    notices.push({
      text: 'An answer from a cache was older than is promised: "stale-answer" among the events says more.',
      tone: 'bad',
    });
  }
  if (database?.circuit === 'open' || cache.gate === 'without-database') {
    notices.push({
      text: 'The database does not answer. What is not cached cannot be served, and nothing can be written.',
      tone: 'bad',
    });
  }
  if (cache.gate === 'without-database') {
    notices.push({
      text: 'What is cached is served for a limited time (SERVE_WITHOUT_DATABASE_MS), by which it may be behind.',
      tone: 'warn',
    });
  }
  if (cache.gate === 'closed') {
    notices.push({
      text: 'The log of changes was not checked within its bound, so nothing is served from a cache. What the database answers is right, and slower.',
      tone: 'warn',
    });
  }
  if (cache.uses_redis && cache.circuit !== 'closed') {
    notices.push({
      text: 'Redis is out of use. Every answer stays right; most come from the database now, and slower.',
      tone: 'warn',
    });
  } else if (cache.uses_redis && cache.degraded && cache.gate === 'open') {
    notices.push({ text: 'Redis is configured but not fully in use: it takes no writes.', tone: 'warn' });
  }
  return notices;
};

/** @param {string} text @param {'good' | 'warn' | 'bad'} tone */
const showStatus = (text, tone) => {
  const status = element('status');
  if (status.textContent !== text) status.textContent = text;
  status.className = `status ${tone}`;
};

/** @param {Fact[]} notices */
const showNotices = (notices) => {
  element('notices').replaceChildren(
    ...notices.map(({ text, tone }) => {
      const item = make('li', '', tone);
      item.append(make('span', text));
      return item;
    }),
  );
};

/** @param {State} state */
const show = (state) => {
  maxStalenessMs = state.cache.max_staleness_ms;
  const notices = noticesOf(state);
  const isBad = notices.some(({ tone }) => tone === 'bad');
  showStatus(
    isBad ? 'in trouble' : notices.length > 0 ? 'degraded' : 'healthy',
    isBad ? 'bad' : notices.length > 0 ? 'warn' : 'good',
  );
  showNotices(notices);
  element('about').textContent = `version ${state.version} on ${state.runtime}, up ${since(state.uptime_ms)}`;
  element('updated').textContent = `as of ${new Date(state.now).toLocaleTimeString([], { hour12: false })}`;
  showTiles(state);
  showCharts();
  showPanels(state);
  showReads(state);
  showEvents(state.events);
};

const refresh = async () => {
  try {
    const after = `after_sample=${samples.at(-1)?.number ?? 0}&after_event=${lastEvent}`;
    const response = await fetch(`state?${after}`, { signal: AbortSignal.timeout(patienceMs) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    /** @type {State} */
    const state = await response.json();
    if (state.uptime_ms < lastUptimeMs) {
      // Another process answers now: what is drawn is not its past.
      samples = [];
      events = new Map();
      lastEvent = 0;
      lastUptimeMs = 0;
      return;
    }
    lastUptimeMs = state.uptime_ms;
    samples = [...samples, ...state.samples].slice(-maxSamples);
    show(state);
  } catch {
    showStatus('no answer', 'bad');
    showNotices([
      { text: 'This process does not answer. What is shown is the last that was heard of it.', tone: 'bad' },
    ]);
  }
};

const keepRefreshing = async () => {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
};

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
addEventListener('resize', () => {
  for (const [id, chart] of charts) chart.setSize({ width: element(id).clientWidth, height: chartHeight });
});
void keepRefreshing();
