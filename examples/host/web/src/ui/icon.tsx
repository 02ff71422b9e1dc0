// A few line drawings. They repeat what stands beside them in words, so that screen readers pass them over.
const PATHS = {
  mail: "M3 7.5 12 13l9-5.5M4.5 5h15A1.5 1.5 0 0 1 21 6.500v11a1.500 1.500 0 0 1-1.500 1.500h-15A1.500 1.500 0 0 1 3 17.500v-11A1.500 1.500 0 0 1 4.500 5Z",
  messages:
    "M4 6.500A1.500 1.500 0 0 1 5.500 5h13A1.500 1.500 0 0 1 20 6.500v8a1.500 1.500 0 0 1-1.500 1.500H10l-4.500 3.500V16A1.500 1.500 0 0 1 4 14.500v-8ZM8 9h8M8 12h5",
  campaigns: "M4 10v4h3l6 4V6L7 10H4Zm12-1.500a5 5 0 0 1 0 7M18.500 6a8.500 8.500 0 0 1 0 12",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.500 8a7.500 7.500 0 0 1 15 0",
  globe:
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM3 12h18M12 3c2.500 2.500 3.800 5.600 3.800 9S14.500 18.500 12 21c-2.500-2.500-3.800-5.600-3.800-9S9.500 5.500 12 3Z",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  check: "m5 12.500 4.500 4.500L19 7.500",
  back: "M15 5l-7 7 7 7",
  next: "m9 5 7 7-7 7",
  plus: "M12 5v14M5 12h14",
  play: "M8 5.500v13l10.500-6.500L8 5.500Z",
  pause: "M8.500 5.500v13M15.500 5.500v13",
  flask:
    "M9.500 3.500h5M10.500 3.500v6L5 19a1 1 0 0 0 .9 1.500h12.200A1 1 0 0 0 19 19l-5.500-9.500v-6M7.500 15h9",
  stop: "M6 6l12 12M18 6 6 18",
  out: "M14 4.500h4.500v15H14M10 8l-4 4 4 4M6 12h9",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5.500M12 7.500v.100",
  alert: "M12 4 2.800 19.500h18.400L12 4ZM12 10v4.500M12 17v.100",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
