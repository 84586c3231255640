// Light in a lit room, dark at night: the choice is kept, the first one is the system's.
const KEPT = "anju.theme";

export const theme = () => document.documentElement.dataset.theme;

export function setTheme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem(KEPT, name);
}

export function firstTheme() {
  const asked = new URLSearchParams(location.search).get("theme");
  const kept = asked ?? localStorage.getItem(KEPT);
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = kept === "dark" || kept === "light" ? kept : system;
}
