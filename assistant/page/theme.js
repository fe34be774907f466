// Runs when the page is first shown; the value is the setting `theme`.

const machine = matchMedia("(prefers-color-scheme: dark)");
let isChosen = false;

watch("value", () => {
  const system = props.value === "system";
  if (system && !isChosen) return; // Gradio has seen to it
  isChosen = true;
  document.body.classList.toggle("dark", system ? machine.matches : props.value === "dark");
});
