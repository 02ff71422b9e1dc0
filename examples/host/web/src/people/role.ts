// What the user may do with contacts. The host decides; this only leaves out what it would refuse.
import { useSyncExternalStore } from "react";

import { current, subscribe } from "../session";

export function useMay(): { write: boolean; erase: boolean } {
  const role = useSyncExternalStore(subscribe, current)?.user.role;
  return { write: role === "admin" || role === "manager", erase: role === "admin" };
}
