// In the navigation, while there are messages in doubt: nobody finds them by chance.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { statusesQuery } from "../analytics/queries";
import { useSay } from "../i18n";
import { usePace } from "../live";

export function DoubtLink() {
  const { t, number, count } = useSay();
  const found = useQuery({ ...statusesQuery, refetchInterval: usePace(true) });
  const doubtful = found.data?.data.find((one) => one.status === "uncertain")?.count ?? 0;
  if (doubtful === 0) return null;
  const name = `${t.office.nav.uncertain}: ${count(doubtful, t.office.counted.messages)}`;
  return (
    <Link
      to="/messages"
      search={{ status: "uncertain" }}
      className="nav-doubt"
      title={name}
      aria-label={name}
      data-doubtful={doubtful}
    >
      {number(doubtful)}
    </Link>
  );
}
