/**
 * Code to put before that of a worker: the clock fails in the middle of a guest's run, as a trap of the module would. It is
 * asked some two hundred times before the guest waits for a line.
 */
export const FAILING_HOST = `{
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = (module, imports) => {
    const { now_ms } = imports.host;
    let asked = 0;
    const failing = () => {
      if (++asked > 100) throw new WebAssembly.RuntimeError('unreachable, as meant');
      return now_ms();
    };
    return instantiate(module, { host: { ...imports.host, now_ms: failing } });
  };
}
`;
