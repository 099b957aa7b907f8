import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { short } from "../state/format.ts";

interface Bar {
  label: string;
  value: number;
  /** Beside the value, on hover. */
  note?: string;
}

const left = 48;
const height = 180;
const bottom = 20;
const top = 10;

/** A round number at or above the highest: 1, 2 or 5 with zeros. */
function ceiling(value: number): number {
  const size = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 5, 10].map((step) => step * size).find((one) => one >= value) ?? value;
}

/** Columns, one a day, with an own text for each; a screen reader hears the sentence and reads the table below it. */
export function Bars({ bars, title }: { bars: Bar[]; title: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(900);
  useLayoutEffect(() => {
    const measure = () => setWidth(box.current?.clientWidth || 900);
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const highest = ceiling(Math.max(0, ...bars.map(({ value }) => value)));
  const step = (width - left) / Math.max(1, bars.length);
  const floor = height - bottom;
  const y = (value: number) => floor - (value / highest) * (floor - top);
  // A label is as wide as 60 units, whatever the screen.
  const every = Math.ceil(bars.length / Math.max(1, Math.floor((width - left) / 60)));
  return (
    <div ref={box}>
      <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={title}>
        <title>{title}</title>
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line class="grid" x1={left} x2={width} y1={y(highest * part)} y2={y(highest * part)} />
            <text x={left - 6} y={y(highest * part) + 4} text-anchor="end">
              {short(highest * part)}
            </text>
          </g>
        ))}
        {bars.map(({ label, value, note }, at) => (
          <g key={label}>
            <title>{`${label}: ${short(value)}${note ? `, ${note}` : ""}`}</title>
            <rect x={left + at * step} y={top} width={step} height={floor - top} fill="transparent" />
            <rect
              class="column"
              x={left + at * step + step * 0.15}
              width={step * 0.7}
              y={y(value)}
              height={Math.max(value > 0 ? 1 : 0, floor - y(value))}
              rx="2"
            />
            {(bars.length - 1 - at) % every === 0 && (
              <text
                x={at === bars.length - 1 ? width : left + at * step + step / 2}
                y={height - 4}
                text-anchor={at === bars.length - 1 ? "end" : "middle"}
              >
                {label.slice(5)}
              </text>
            )}
          </g>
        ))}
      </svg>
    </div>
  );
}

const mostBars = 400;
const dayMs = 86_400_000;

/** The days of a span, or the last 400 of it, each with its value or none. */
export function daily(from: string, to: string, tokensOf: (day: string) => number): Bar[] {
  const bars: Bar[] = [];
  const last = Date.parse(to);
  for (let at = Math.max(Date.parse(from), last - (mostBars - 1) * dayMs); at <= last; at += dayMs) {
    const label = new Date(at).toISOString().slice(0, 10);
    bars.push({ label, value: tokensOf(label) });
  }
  return bars;
}
