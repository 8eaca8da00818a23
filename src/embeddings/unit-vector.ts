/** The vector scaled to length 1, in single precision: what it is stored in anyway, and equal on every machine. */
export function unitVector(vector: Float32Array): number[] {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  const scaled: number[] = [];
  for (const value of vector) scaled.push(Math.fround(value / length));
  return scaled;
}
