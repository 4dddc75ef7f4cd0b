import fc from "fast-check";

/**
 * fast-check with the same cases in every run of the tests: what fails once fails again. `npm run properties` asks for others.
 * Tests and fixtures import it from here.
 */
export { fc };

/** Any number will do. */
const SEED = 20_261_122;

fc.configureGlobal({ seed: Number(process.env["MILLRACE_PROPERTY_SEED"] ?? SEED) });
