// A stream that comes back by itself. Each message is everything, so nothing is missed meanwhile.

import { get, toast } from "./api.js";

const BACK_MS = 1000;
const AGAIN = "mx-simulator-again";

// Tell who was here before that this is another simulator, once.
export function greet() {
  if (sessionStorage.getItem(AGAIN) !== "yes") return;
  sessionStorage.removeItem(AGAIN);
  toast("The simulator was started again: this is a new workspace, and what was in the old one is gone.", "good");
}

export function listen(path, { flight, hear, lost }) {
  let source = null;
  let gone = false;
  let late = null;

  function open() {
    source = new EventSource(path);
    source.onmessage = (event) => hear(JSON.parse(event.data));
    source.onerror = () => {
      if (gone) return;
      source.close();
      lost();
      clearTimeout(late);
      late = setTimeout(() => void back(), BACK_MS);
    };
  }

  // Whoever answers may be another simulator, in which nobody of the old one is known.
  async function back() {
    try {
      const about = await get("/sim/about");
      if (gone) return;
      if (about.flight === flight) {
        open();
        return;
      }
      sessionStorage.setItem(AGAIN, "yes");
      location.reload();
    } catch {
      if (!gone) late = setTimeout(() => void back(), BACK_MS);
    }
  }

  open();
  return {
    close: () => {
      gone = true;
      clearTimeout(late);
      source.close();
    },
  };
}
