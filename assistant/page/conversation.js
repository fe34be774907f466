// Runs when the conversation is first shown; Gradio gives `element`, `trigger` and `watch`.

const askAgain = (exchange, field, text) => trigger("again", { exchange: Number(exchange), field, text });

const revise = (button) => {
  const exchange = button.closest(".exchange");
  const form = exchange.querySelector(`.revision[data-field="${button.dataset.field}"]`);
  form.hidden = false;
  form.elements.text.focus();
};

// Where the page is not served securely, a browser lets no script write to the clipboard by itself.
const copy = async (button) => {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser did not let it be copied";
  }
  setTimeout(() => (button.textContent = label), 2000);
};

const correct = (button) => {
  const form = button.closest(".exchange").querySelector(".correction");
  form.hidden = false;
  form.elements.answer.focus();
};

// What the abstracts do not say has no answer and no sentence.
const setAbsent = (form, isAbsent) => {
  form.elements.answer.disabled = isAbsent;
  form.querySelector("fieldset").disabled = isAbsent;
};

const keepCorrection = (form) => {
  const { answer, absent, evidence } = form.elements;
  trigger("corrected", {
    exchange: Number(form.dataset.exchange),
    answer: answer.value,
    evidence: absent.checked ? "" : evidence.value,
  });
  form.hidden = true;
};

const ACTIONS = {
  revise,
  correct,
  copy,
  approve: (button) => trigger("approved", { exchange: Number(button.dataset.exchange) }),
  cancel: (button) => (button.closest("form").hidden = true),
  retry: (button) => {
    const question = button.closest(".exchange").querySelector(".question").textContent;
    askAgain(button.dataset.exchange, "question", question);
  },
  suggest: (button) => askAgain(1, "question", button.textContent),
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (button) ACTIONS[button.dataset.act](button);
});

element.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.matches(".correction")) return keepCorrection(event.target);
  const form = event.target.closest(".revision");
  const text = form.elements.text.value.trim();
  if (text) askAgain(form.dataset.exchange, form.dataset.field, text);
});

element.addEventListener("change", (event) => {
  if (event.target.name === "absent") setAbsent(event.target.form, event.target.checked);
});

element.addEventListener("keydown", (event) => {
  const form = event.target.closest?.(".revision, .correction");
  if (!form) return;
  if (event.key === "Escape") form.hidden = true;
  if (event.key === "Enter" && !event.shiftKey && event.target.name === "text") {
    event.preventDefault();
    form.requestSubmit();
  }
});

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
