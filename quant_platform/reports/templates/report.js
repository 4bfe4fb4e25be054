// Draws the report's charts and answers its buttons. Theme colours come from the page's CSS variables.
(() => {
  const { axes, charts } = JSON.parse(document.getElementById("chart-data").textContent);
  const narrow = matchMedia("(max-width: 560px)").matches;
  const drawn = [];
  let months = 0;
  let scale = "linear";
  let printing = false;
  const FLAT = 8; // ratio of two curves' heights from which the lower one shows no shape
  const PRINT_WIDTH = 650; // pixels: a page of A4 or Letter less its margins and the card's

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Layout of a chart in the page's colours; a chart has one y axis, or one for each curve.
  function themed(layout) {
    const font = { color: css("--soft"), family: getComputedStyle(document.body).fontFamily };
    const label = { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--text") } };
    Object.assign(layout, { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font, hoverlabel: label });
    Object.assign(layout.xaxis, { linecolor: css("--line"), tickcolor: css("--line") });
    for (const name of Object.keys(layout).filter((key) => key.startsWith("yaxis"))) {
      Object.assign(layout[name], { gridcolor: css("--grid"), zerolinecolor: css("--line"), linecolor: "rgba(0,0,0,0)" });
    }
    return layout;
  }

  const last = axes.map((dates) => dates[dates.length - 1]).reduce((a, b) => (a > b ? a : b));
  const first = axes.map((dates) => dates[0]).reduce((a, b) => (a < b ? a : b));

  function start() {
    if (!months) return first;
    const day = new Date(last + "T00:00:00Z");
    day.setUTCMonth(day.getUTCMonth() - months);
    const wanted = day.toISOString().slice(0, 10);
    return wanted > first ? wanted : first;
  }

  // Values from `from` on, rebased to 1 at the first of them where the chart shows growth.
  function values(trace, from, rebase) {
    const at = axes[trace.x].findIndex((date) => date >= from);
    const base = rebase && at >= 0 ? trace.y[at] : 1;
    return { at, y: rebase && base ? trace.y.map((value) => (value === null ? null : value / base)) : trace.y };
  }

  // Lowest and highest value of a curve in the range that is shown.
  function extent({ at, y }) {
    let low = Infinity;
    let high = -Infinity;
    for (let i = Math.max(at, 0); at >= 0 && i < y.length; i++) {
      if (y[i] === null) continue;
      if (y[i] < low) low = y[i];
      if (y[i] > high) high = y[i];
    }
    return [low, high];
  }

  function axis(base, [low, high], name) {
    const log = name === "equity" && scale === "log" && low > 0;
    const [from, to] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
    const pad = 0.05 * (to - from || 1e-3);
    const top = name === "drawdown" ? 0.005 : to + pad;
    return { ...base, type: log ? "log" : "linear", range: Number.isFinite(from) ? [from - pad, top] : [-1, 1] };
  }

  // Data and layout of a chart for the range, scale and colours that hold now.
  function view(chart) {
    const from = start();
    const source = charts[chart.name];
    const parts = source.data.map((trace) => values(trace, from, chart.name === "equity"));
    const extents = parts.map(extent);
    const layout = structuredClone(source.layout);
    layout.xaxis.range = [from, last];
    const own = chart.name === "equity" && scale === "own" && parts.length > 1;
    const base = layout.yaxis;
    const axisOf = (i) => (own && i ? i + 1 : "");
    if (own) {
      const gap = 0.06;
      const height = (1 - gap * (parts.length - 1)) / parts.length;
      extents.forEach((each, i) => {
        const bottom = (parts.length - 1 - i) * (height + gap);
        layout["yaxis" + axisOf(i)] = { ...axis(base, each, chart.name), domain: [bottom, bottom + height], nticks: 4 };
      });
      layout.xaxis.anchor = "y" + axisOf(parts.length - 1);
    } else {
      const all = [Math.min(...extents.map(([low]) => low)), Math.max(...extents.map(([, high]) => high))];
      layout.yaxis = axis(base, all, chart.name);
    }
    if (narrow) Object.assign(layout, { height: 320, dragmode: false, margin: { l: 40, r: 4, t: 8, b: 32 } });
    if (printing) Object.assign(layout, { width: PRINT_WIDTH, height: 270, autosize: false });
    const data = source.data.map((trace, i) => ({ ...trace, x: axes[trace.x], y: parts[i].y, yaxis: "y" + axisOf(i) }));
    return { data, layout: themed(layout) };
  }

  const config = { responsive: true, displayModeBar: false, doubleClick: false };

  function update(chart) {
    const { data, layout } = view(chart);
    return Plotly.react(chart.box, data, layout, config);
  }

  function draw(box) {
    const chart = { box, name: box.dataset.chart };
    update(chart).then(() => box.on("plotly_doubleclick", () => { update(chart); }));
    return chart;
  }

  // Whether some curve would be a flat line beside another one on a common scale.
  function someAreFlat() {
    const sizes = charts.equity.data.map((trace) => {
      const [low, high] = extent(values(trace, first, true));
      return high - low;
    });
    return Math.max(...sizes) > FLAT * Math.min(...sizes);
  }

  function press(group, button) {
    for (const other of group.querySelectorAll("button")) other.setAttribute("aria-pressed", other === button);
  }

  function onPress(id, answer) {
    const group = document.getElementById(id);
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      press(group, button);
      answer(button.dataset);
    });
  }

  onPress("ranges", (choice) => { months = Number(choice.months); drawn.forEach(update); });
  onPress("scales", (choice) => { scale = choice.scale; drawn.filter((chart) => chart.name === "equity").forEach(update); });
  onPress("lengths", (choice) => {
    const chart = drawn.find((each) => each.name.startsWith("sharpe"));
    chart.name = "sharpe" + choice.length;
    update(chart);
  });

  for (const tabs of document.querySelectorAll("[data-tabs]")) {
    tabs.querySelector(".buttons").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      press(tabs, button);
      for (const pane of tabs.querySelectorAll("[data-pane]")) pane.hidden = pane.dataset.pane !== button.dataset.tab;
    });
  }

  if (someAreFlat()) {
    scale = "own";
    press(document.getElementById("scales"), document.querySelector('[data-scale="own"]'));
  }
  for (const box of document.querySelectorAll("[data-chart]")) drawn.push(draw(box));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(update));
  for (const [event, state] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(event, () => { printing = state; drawn.forEach(update); });
  }
})();
