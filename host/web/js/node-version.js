/** The first of all modules: says what is wrong before anything that an old Node lacks is asked of it. */
const OLDEST = 20;
const { node } = process.versions;
if (parseInt(node) < OLDEST) throw new Error(`weighbridge needs Node ${OLDEST} or newer, and this is Node ${node}; install a newer one (nodejs.org)`);
