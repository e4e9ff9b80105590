"use strict";
(() => {
  const tip = document.getElementById("tip");
  const HINTS = { touch: "tap again: its scores", keyboard: "Enter: its scores, arrows: others", mouse: "click: its scores" };
  const NEAR_PX = 26;
  const EDGE_PX = 8;
  let shown = null;
  let pointer = "mouse";

  // Tooltips: what a mark's label says, a line a part.
  const show = (mark) => {
    if (shown === mark) return;
    hide();
    shown = mark;
    mark.classList.add("shown");
    const lines = mark.getAttribute("aria-label").split("; ").map((line, number) => {
      const part = document.createElement(number ? "div" : "strong");
      part.textContent = line;
      return part;
    });
    if (mark.hasAttribute("href")) {
      const hint = document.createElement("em");
      hint.textContent = HINTS[pointer] ?? HINTS.mouse;
      lines.push(hint);
    }
    tip.replaceChildren(...lines);
    tip.hidden = false;
    const { x, y } = centre(mark);
    const box = tip.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const left = Math.min(Math.max(EDGE_PX, x - box.width / 2), width - box.width - EDGE_PX);
    const above = y - box.height - 16;
    tip.style.left = `${Math.max(EDGE_PX, left)}px`;
    tip.style.top = `${above < EDGE_PX ? y + 16 : above}px`;
  };
  const hide = () => {
    if (shown) shown.classList.remove("shown");
    shown = null;
    tip.hidden = true;
  };
  const centre = (mark) => {
    const box = (mark.querySelector(".hit") || mark).getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  };
  const nearest = (chart, event) => {
    let best = null;
    let least = NEAR_PX;
    for (const mark of chart.querySelectorAll(".mark")) {
      if (mark.closest(".off")) continue;
      const { x, y } = centre(mark);
      const distance = Math.hypot(x - event.clientX, y - event.clientY);
      if (distance <= least) [best, least] = [mark, distance];
    }
    return best;
  };
  // On the box around a chart: an SVG that listens for focus would be a stop of the Tab key itself.
  for (const chart of document.querySelectorAll(".plot")) {
    chart.addEventListener("pointerdown", (event) => { pointer = event.pointerType; });
    chart.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch") return;
      pointer = event.pointerType;
      const mark = nearest(chart, event);
      if (mark) show(mark);
      else if (!chart.contains(document.activeElement)) hide();
    });
    chart.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") hide(); });
    chart.addEventListener("focusin", (event) => {
      const mark = event.target.closest(".mark");
      // A touch shows on click instead, so that its second tap can follow the link.
      if (mark && pointer !== "touch") show(mark);
    });
    chart.addEventListener("focusout", hide);
    chart.addEventListener("click", (event) => {
      if (!event.isTrusted || event.detail === 0) return;
      const mark = nearest(chart, event);
      if (pointer === "touch" && mark !== shown) {
        event.preventDefault();
        if (mark) show(mark);
        else hide();
      } else if (mark && mark.hasAttribute("href")) {
        event.preventDefault();
        go(mark.getAttribute("href"));
      }
    });
    // A chart is one stop of the Tab key, and arrows go from mark to mark.
    [...chart.querySelectorAll(".mark")].forEach((mark, number) => mark.setAttribute("tabindex", number ? "-1" : "0"));
    chart.addEventListener("keydown", (event) => {
      pointer = "keyboard";
      const marks = [...chart.querySelectorAll(".mark")].filter((mark) => !mark.closest(".off"));
      const here = marks.indexOf(event.target.closest(".mark"));
      const last = marks.length - 1;
      const next = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: last };
      if (here < 0 || !(event.key in next)) return;
      event.preventDefault();
      const mark = marks[Math.min(Math.max(0, next[event.key]), last)];
      marks[here].setAttribute("tabindex", "-1");
      mark.setAttribute("tabindex", "0");
      mark.focus();
    });
  }
  document.addEventListener("keydown", (event) => {
    pointer = "keyboard";
    if (event.key === "Escape") hide();
  });
  document.addEventListener("pointerdown", (event) => { if (!event.target.closest(".plot")) hide(); });
  window.addEventListener("scroll", () => { if (pointer !== "keyboard") hide(); }, { passive: true });

  // A link to a panel moves the focus there too.
  const go = (link) => {
    hide();
    location.hash = link;
    const panel = document.getElementById(decodeURIComponent(link.slice(1)));
    if (panel) panel.focus({ preventScroll: true });
  };

  // The legend hides and shows lines.
  for (const button of document.querySelectorAll("[data-toggles]")) {
    button.addEventListener("click", () => {
      const isShown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(isShown));
      for (const line of document.querySelectorAll("[data-line]")) {
        if (line.dataset.line === button.dataset.toggles) line.classList.toggle("off", !isShown);
      }
      hide();
    });
  }

  // Tables sort, stably, empty cells last.
  const textOf = (cell) => cell.dataset.key ?? cell.textContent;
  const sort = (head) => {
    const body = head.closest("table").tBodies[0];
    const column = head.cellIndex;
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const isNumber = head.dataset.kind === "number";
    const rows = [...body.rows].map((row) => {
      const text = textOf(row.cells[column]);
      return { row, isEmpty: text === "", value: isNumber ? Number(text.replaceAll(",", "")) : text };
    });
    rows.sort((a, b) => {
      if (a.isEmpty || b.isEmpty) return a.isEmpty - b.isEmpty;
      return sign * (isNumber ? a.value - b.value : a.value.localeCompare(b.value, "en", { numeric: true }));
    });
    body.append(...rows.map((entry) => entry.row));
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  };
  for (const head of document.querySelectorAll("table.sortable th")) {
    head.firstElementChild.addEventListener("click", () => sort(head));
  }
})();
