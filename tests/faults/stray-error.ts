/** Runs before a server: SIGUSR2 leaves an error that nobody catches, with what must not get into a log in its message. */
import process from 'node:process';

process.on('SIGUSR2', () => {
  void Promise.reject(new Error('postgres://kith:canary-of-a-password@db.example/kith'));
});
