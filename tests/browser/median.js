/** The middle of several times. */
export const median = (times) => [...times].sort((a, b) => a - b)[times.length >> 1];
