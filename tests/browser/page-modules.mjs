/** Lets Node load modules of the page from where they are in the source: the package is beside them only in the built page. */
import { register } from 'node:module';

const hook = `export const resolve = (name, context, next) =>
  next(name.startsWith('../host/js/') ? new URL('../../' + name.replace('../host/', '../host/web/'), context.parentURL).href : name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
