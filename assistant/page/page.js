// Runs when the conversation is first shown; Gradio gives `element` and `watch`.

// A mark leads to the cited sentence, a card's number back to the answer. The address stays as it is:
// a plain fragment would reload a page that was opened with a query string.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.cite");
  if (!link) return;
  event.preventDefault();
  const target = document.getElementById(link.getAttribute("href").slice(1));
  if (!target) return;
  target.closest("details")?.setAttribute("open", "");
  document.querySelectorAll(".shown").forEach((shown) => shown.classList.remove("shown"));
  target.classList.add("shown");
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "center" });
});

// A new question comes to the top, its answer grows below it, and its papers are shown from the first.
let exchanges = 0;
watch("value", () => {
  const asked = element.querySelectorAll(".exchange");
  if (asked.length > exchanges) {
    asked[asked.length - 1].scrollIntoView({ block: "start" });
    document.getElementById("evidence").scrollTo({ top: 0 });
  }
  exchanges = asked.length;
});
