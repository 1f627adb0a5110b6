/** The mean of some rows, and how far chance moves it. */

const Z = 1.959964; // of 95 %

/** Student's t for 95 %, by the expansion of Cornish and Fisher; within 1 % from 3 degrees of freedom on. */
export function quantile(freedom) {
  const z = Z;
  return z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
    + (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * freedom ** 3);
}

export const FEWEST = 4; // rows, or speakers: of fewer the bounds say next to nothing

/**
 * @param {number[]} values  without NaN
 * @param {number[]} groups  of each value, the speaker; null where they count one by one
 * @returns {{mean: number, low: number, high: number, groups: number}}  bounds NaN with fewer than FEWEST groups
 */
export function meanOf(values, groups = null) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const sums = new Map();
  values.forEach((value, i) => {
    const group = groups ? groups[i] : i;
    sums.set(group, (sums.get(group) ?? 0) + value - mean);
  });
  const count = sums.size;
  if (count < FEWEST) return { mean, low: NaN, high: NaN, groups: count };
  let squares = 0;
  for (const sum of sums.values()) squares += sum * sum;
  const half = quantile(count - 1) * Math.sqrt((count / (count - 1)) * squares) / values.length;
  return { mean, low: mean - half, high: mean + half, groups: count };
}
