/** The package `weighbridge`, or a sentence that says how to make it. */
const missing = (error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' && error.code !== 'ENOENT') throw error;
  throw new Error('the package weighbridge is not built here; make it with `cargo xtask web --component-only`', { cause: error });
};
const { component: load, ...host } = await import('weighbridge').catch(missing);

export const { FileSource, LoadError, Recording, STRATEGIES, Session, StorageFault, escape, parse, stringify, typed } = host;

/** Compiles the host and the component; sessions share them. */
export const component = () => load().catch(missing);
