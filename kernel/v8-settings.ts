import { setFlagsFromString } from "node:v8";

// V8 guesses from which lines of code objects come that live long, and makes them in the space of old objects at once. In a program whose objects
// live as long as a job the guess is wrong, and proves itself right: such an object is dead soon, but keeps the young ones that it points to until
// the next full collection, so that they look long-lived, too. Without it (and with `ChurnMap`) a small collection of the control plane copies a
// third, and there are hardly any full ones under load: docs/decisions/0200. It is set here, not on a command line, so that it holds however the
// program is started; whatever imports this module does so first.
setFlagsFromString("--no-allocation-site-pretenuring");
