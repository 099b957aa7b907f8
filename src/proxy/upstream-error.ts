/** An error's body is held until it has been looked through; none that means to help is larger. */
export const maxErrorBytes = 262_144;

export const redirectMessage = "The provider answered with a redirect, which is not followed with its key";
export const unreachableMessage = "The provider could not be reached";
export const brokenOffMessage = "The provider was reached, and broke the connection off before it answered";
export const timeoutMessage = "The provider did not answer in time";
