/** The slope of the line of best fit through points (least squares); 0 for fewer than two. */
export const slopeOf = (points: readonly (readonly [x: number, y: number])[]): number => {
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const spread = sum(points.map(([x]) => (x - meanX) ** 2));
  return spread === 0 ? 0 : sum(points.map(([x, y]) => (x - meanX) * (y - meanY))) / spread;
};

/** By how much the line of best fit rises from the first point to the last, in percent of the first; NaN for fewer than two. */
export const growthPercent = (points: readonly (readonly [x: number, y: number])[]): number => {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || last[0] === first[0] || first[1] === 0) return Number.NaN;
  return (100 * slopeOf(points) * (last[0] - first[0])) / first[1];
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : sum(values) / values.length);
