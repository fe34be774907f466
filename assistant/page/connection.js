// Runs when the page is first shown, in the line that says how it stands with the server; Gradio gives
// `element`. A server that was started anew does not know the pages of the one before, and Gradio notices
// only where it breaks an answer: what such a page sends is answered, and never shown. So the page looks
// whose it is before it asks and from time to time, and loads itself anew; what is typed stays in its box.

const DRAFT = "assistant-draft";
const LOOK_EVERY = 5000; // milliseconds
const AWAY = "The server is away. This page goes on when it is back.";
const UNSENT = "Not sent yet.";

const box = () => document.querySelector("#ask textarea");

const line = element.querySelector("p");
const say = (text) => (line.textContent = text);

// Whether the server that made this page is there.
const isThere = async () => {
  const { root, api_prefix, app_id } = window.gradio_config;
  let found;
  try {
    found = await (await fetch(`${root}${api_prefix}/app_id`, { cache: "no-store" })).json();
  } catch {
    say(AWAY);
    return false;
  }
  if (found.app_id !== app_id) {
    location.reload();
    return false;
  }
  if (line.textContent === AWAY) say("");
  return true;
};

// A question goes only to a server that can answer on this page; otherwise it stays in its box.
window.whenThere = async (said) => {
  if (!(await isThere())) throw new Error(AWAY);
  say("");
  return said;
};

addEventListener("pagehide", () => sessionStorage.setItem(DRAFT, box()?.value ?? ""));

// What was typed before the page was loaded anew.
window.draft = () => {
  const draft = sessionStorage.getItem(DRAFT) ?? "";
  if (draft) say(UNSENT);
  return draft;
};

setInterval(() => document.hidden || isThere(), LOOK_EVERY);
