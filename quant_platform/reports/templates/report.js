// Draws a page's charts and answers its buttons. Theme colours come from the page's CSS variables.
(() => {
  const source = document.getElementById("chart-data");
  const { axes, charts } = source ? JSON.parse(source.textContent) : { axes: [], charts: {} };
  const narrow = matchMedia("(max-width: 560px)").matches;
  const FLAT = 8; // ratio of two curves' heights from which the lower one shows no shape
  const PRINT_WIDE = 690; // pixels: a page of A4 less its margins
  const PRINT_HALF = 336;
  const MOST_FILLED = 4; // curves whose areas are tinted
  const drawn = new Map(); // box → chart
  const hidden = new Set(); // names of curves that are switched off
  const wanted = new URLSearchParams(location.hash.slice(1));
  let months = 0;
  let printing = wanted.has("print");

  const iso = (day) => new Date(day * 86400000).toISOString().slice(0, 10);
  const dates = axes.map(({ start, steps }) => {
    let day = start;
    return [iso(day), ...steps.map((step) => iso((day += step)))];
  });
  for (const chart of Object.values(charts)) {
    for (const curve of chart.curves || []) {
      for (const part of ["y", "low", "high"]) {
        let sum = 0;
        if (curve[part]) curve[part] = curve[part].map((step) => (step === null ? null : (sum += step) / 10 ** curve.power));
      }
    }
  }
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Layout of a chart in the page's colours; a chart has one y axis, or one for each curve.
  function themed(layout) {
    const font = { color: css("--soft"), family: getComputedStyle(document.body).fontFamily, size: 12 };
    const label = { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--text") } };
    Object.assign(layout, { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font, hoverlabel: label });
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
      const lines = { gridcolor: css("--grid"), zerolinecolor: css("--line"), linecolor: css("--line"), tickcolor: css("--line") };
      layout[name] = { automargin: true, ...layout[name], ...lines };
    }
    return layout;
  }

  const starts = dates.map((days) => days[0]).filter(Boolean).sort();
  const ends = dates.map((days) => days[days.length - 1]).filter(Boolean).sort();
  const first = starts[0];
  const last = ends[ends.length - 1];

  function start() {
    if (!months) return first;
    const day = new Date(last + "T00:00:00Z");
    day.setUTCMonth(day.getUTCMonth() - months);
    const from = day.toISOString().slice(0, 10);
    return from > first ? from : first;
  }

  // Values from `from` on, rebased to 1 at the first of them where the chart shows growth.
  function values(curve, days, from, rebased) {
    const at = days.findIndex((day) => day >= from);
    if (!rebased || at < 0) return { at, y: curve.y };
    let base = at;
    while (base < curve.y.length && curve.y[base] === null) base++;
    const unit = curve.y[base];
    return { at, y: unit ? curve.y.map((value) => (value === null ? null : value / unit)) : curve.y };
  }

  // Lowest and highest value of some series in the range that is shown.
  function extent(at, ...series) {
    let low = Infinity;
    let high = -Infinity;
    for (const y of series) {
      for (let i = Math.max(at, 0); at >= 0 && i < y.length; i++) {
        if (y[i] === null) continue;
        if (y[i] < low) low = y[i];
        if (y[i] > high) high = y[i];
      }
    }
    return [low, high];
  }

  function axis(chart, [low, high], scale) {
    const log = scale === "log" && low > 0;
    const [from, to] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
    const pad = 0.05 * (to - from || 1e-3);
    const top = chart.filled ? Math.max(to, 0) + 0.02 * Math.abs(from || 0.01) : to + pad;
    const range = Number.isFinite(from) ? [from - pad, top] : [-1, 1];
    return { tickformat: chart.tick, zeroline: true, automargin: true, type: log ? "log" : "linear", range };
  }

  function line(curve, days, y, chart) {
    return {
      x: days, y, name: curve.name, mode: "lines", connectgaps: false,
      line: { color: curve.colour, dash: curve.dash, width: curve.thin ? 1.5 : 1.8 },
      hovertemplate: `%{y:${chart.hover}}`,
      ...(chart.filled && !curve.thin && chart.curves.length <= MOST_FILLED ? { fill: "tozeroy", fillcolor: curve.colour + "18" } : {}),
    };
  }

  function band(curve, days) {
    const edge = { x: days, mode: "lines", hoverinfo: "skip", showlegend: false, line: { width: 0, color: curve.colour } };
    return [{ ...edge, y: curve.low }, { ...edge, y: curve.high, fill: "tonexty", fillcolor: curve.colour + "26" }];
  }

  // Data and layout of a chart of sessions for the range, scale and curves that hold now.
  function sessions(state) {
    const chart = charts[state.key];
    const days = dates[chart.axis];
    const asked = start();
    const from = asked < days[0] ? days[0] : asked;
    const shown = chart.curves.filter((curve) => !hidden.has(curve.name));
    const parts = shown.map((curve) => values(curve, days, from, chart.rebased));
    const banded = shown.find((curve) => curve.name === state.banded && curve.low);
    const layout = {
      height: chart.height, margin: { l: 52, r: 12, t: 8, b: 30 }, hovermode: "x unified", showlegend: false,
      xaxis: { type: "date", hoverformat: "%a %d %b %Y", showgrid: false, range: [from, last] },
    };
    const extents = parts.map(({ at, y }) => extent(at, y));
    const own = state.scale === "own" && parts.length > 1;
    if (own) {
      const gap = Math.min(0.06, 0.3 / parts.length);
      const height = (1 - gap * (parts.length - 1)) / parts.length;
      extents.forEach((each, i) => {
        const bottom = (parts.length - 1 - i) * (height + gap);
        layout["yaxis" + (i ? i + 1 : "")] = { ...axis(chart, each, ""), domain: [bottom, bottom + height], nticks: 3 };
      });
      layout.xaxis.anchor = "y" + (parts.length > 1 ? parts.length : "");
      layout.height = Math.max(chart.height, 70 * parts.length);
    } else {
      const all = [...extents, ...(banded ? [extent(parts[shown.indexOf(banded)].at, banded.low, banded.high)] : [])];
      layout.yaxis = axis(chart, [Math.min(...all.map(([low]) => low)), Math.max(...all.map(([, high]) => high))], state.scale);
    }
    const data = shown.map((curve, i) => ({ ...line(curve, days, parts[i].y, chart), yaxis: "y" + (own && i ? i + 1 : "") }));
    return { data: [...(banded ? band(banded, days) : []), ...data], layout };
  }

  function plain(state) {
    const chart = charts[state.key];
    const margin = { l: 52, r: 12, t: 8, b: 40 };
    return { data: structuredClone(chart.data), layout: { margin, height: chart.height, ...structuredClone(chart.layout) } };
  }

  const config = { responsive: true, displayModeBar: false, doubleClick: false };

  function update(state) {
    const { data, layout } = charts[state.key].curves ? sessions(state) : plain(state);
    if (narrow) Object.assign(layout, { height: Math.min(layout.height, 320), dragmode: false });
    if (printing) {
      const half = state.box.closest(".pair");
      const height = half ? 190 : Math.min(layout.height, 520);
      Object.assign(layout, { width: half ? PRINT_HALF : PRINT_WIDE, height, autosize: false });
    }
    return Plotly.react(state.box, data, themed(layout), config);
  }

  function draw(box) {
    const key = box.dataset.chart;
    const curves = charts[key].curves || [];
    const first_band = curves.find((curve) => curve.low);
    const state = { box, key, scale: "linear", banded: first_band ? first_band.name : "" };
    drawn.set(box, state);
    const figure = box.closest("figure");
    const scales = figure.querySelector(".scales");
    if (scales) {
      if (curves.length > 1 && curves.length <= 6 && someAreFlat(curves)) {
        state.scale = "own";
        press(scales, scales.querySelector('[data-scale="own"]'));
      }
      onPress(scales, (choice) => { state.scale = choice.scale; update(state); });
    }
    const picked = figure.querySelector("select");
    if (picked) picked.addEventListener("change", () => { state.banded = picked.value; update(state); });
    box.style.minHeight = "";
    update(state).then(() => box.on("plotly_doubleclick", () => { update(state); }));
  }

  // Draws what is in sight for this reader and was not drawn yet.
  function drawVisible() {
    for (const box of document.querySelectorAll("[data-chart]")) {
      if (box.offsetParent === null) continue;
      if (drawn.has(box)) Plotly.Plots.resize(box);
      else draw(box);
    }
  }

  function updateAll() {
    for (const state of drawn.values()) if (state.box.offsetParent !== null) update(state);
  }

  // Whether some curve would be a flat line beside another one on a common scale.
  function someAreFlat(curves) {
    const sizes = curves.map((curve) => {
      const [low, high] = extent(0, curve.y);
      return high - low;
    }).filter(Number.isFinite);
    return Math.max(...sizes) > FLAT * Math.min(...sizes);
  }

  function press(group, button) {
    for (const other of group.querySelectorAll("button")) other.setAttribute("aria-pressed", other === button);
  }

  function onPress(group, answer) {
    if (!group) return;
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      press(group, button);
      answer(button.dataset);
    });
  }

  function readFor(reader) {
    document.body.dataset.for = reader;
    drawVisible();
  }

  const readers = document.getElementById("readers");
  onPress(readers, (choice) => readFor(choice.reader));
  onPress(document.getElementById("ranges"), (choice) => { months = Number(choice.months); updateAll(); });

  // A press switches a curve off or on, in all charts.
  for (const legend of document.querySelectorAll(".legend")) {
    legend.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const name = button.dataset.curve;
      if (!hidden.delete(name)) hidden.add(name);
      for (const each of document.querySelectorAll(".legend button")) each.setAttribute("aria-pressed", !hidden.has(each.dataset.curve));
      updateAll();
    });
  }

  for (const tabs of document.querySelectorAll("[data-tabs]")) {
    onPress(tabs.querySelector(".buttons"), (choice) => {
      for (const pane of tabs.querySelectorAll("[data-pane]")) pane.hidden = pane.dataset.pane !== choice.tab;
      drawVisible();
    });
  }

  const asked = readers.querySelector(`[data-reader="${CSS.escape(wanted.get("for") || "")}"]`);
  if (asked) {
    press(readers, asked);
    document.body.dataset.for = asked.dataset.reader;
  }
  const written = document.getElementById("written");
  if (written) written.textContent = new Date(document.lastModified).toISOString().slice(0, 16).replace("T", " ") + " UTC";
  if (source) drawVisible();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", updateAll);
  for (const [event, state] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(event, () => { printing = state; updateAll(); });
  }
})();
