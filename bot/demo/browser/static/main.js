// The page: it follows the workspace as one person sees it, and the simulator's world beside it where there is one.

import { get } from "./api.js";
import { mountBoard } from "./board.js";
import { mountClock } from "./clock.js";
import { h, sign } from "./dom.js";
import { Guide } from "./guide.js";
import { greet, listen } from "./stream.js";
import { mountTraffic } from "./traffic.js";
import { Workspace } from "./workspace.js";

const link = document.getElementById("link");
const PERSON = "mx-simulator-person";

async function start() {
  const about = await get("/sim/about");
  let stream = null;
  const found = about.whole ? await get("/sim/board") : null;
  const guide = found && !found.drill ? new Guide(document.getElementById("guide"), document.getElementById("again"), about.flight) : null;
  const workspace = new Workspace(document.getElementById("workspace"), about, { onPerson: follow });

  function follow(person) {
    sessionStorage.setItem(PERSON, person);
    stream?.close();
    const hear = (now) => {
      workspace.show(now);
      guide?.workspace(now);
      said("");
    };
    stream = listen(`/sim/stream?as=${encodeURIComponent(person)}`, { flight: about.flight, hear, lost });
  }

  const known = sessionStorage.getItem(PERSON);
  follow(about.people.includes(known) ? known : about.people[0]);
  if (found) world(guide, found, about.flight);
  greet();
}

function world(guide, found, flight) {
  const side = document.getElementById("side");
  side.hidden = false;
  document.body.classList.add("whole");
  const parts = [
    mountBoard(document.getElementById("board"), found),
    mountClock(document.getElementById("clock"), found),
    mountTraffic(document.getElementById("traffic"), found),
  ];
  const hear = (told) => {
    for (const part of parts) part(told);
    guide?.world(told);
  };
  listen("/sim/traffic", { flight, hear, lost });
  tabs();
}

// On a narrow screen one part is seen at a time.
function tabs() {
  const bar = document.getElementById("tabs");
  const parts = [["workspace", "Workspace", "chat"], ["traffic", "Traffic", "chart"], ["board", "Faults", "bolt"]];
  const show = (id) => {
    document.body.dataset.part = id;
    for (const button of bar.children) button.setAttribute("aria-current", button.dataset.part === id ? "true" : "false");
  };
  bar.replaceChildren(...parts.map(([id, name, mark]) => h("button", { type: "button", "data-part": id, onclick: () => show(id) },
    sign(mark), name)));
  bar.hidden = false;
  show("workspace");
}

function lost() {
  said("The simulator does not answer; trying again…");
}

function said(text) {
  if (link.textContent !== text) link.textContent = text;
}

start().catch((fault) => said(`${fault.message}. Start it again with mx demo, then reload this page.`));
