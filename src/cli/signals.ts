/** Signals that ask a program to end; a closed terminal sends SIGHUP. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** What is listened to until {@link release} gives the signals back to the system. */
export interface SignalWatch {
  release(): void;
}

/** Calls `ended` for each signal that asks this program to end. */
export function onSignals(ended: (signal: NodeJS.Signals) => void): SignalWatch {
  for (const signal of SIGNALS) process.on(signal, ended);
  return {
    release() {
      for (const signal of SIGNALS) process.removeListener(signal, ended);
    },
  };
}
