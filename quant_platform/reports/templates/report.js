// Draws the report's charts and answers its buttons. Theme colours come from the page's CSS variables.
(() => {
  const { axes, charts } = JSON.parse(document.getElementById("chart-data").textContent);
  const narrow = matchMedia("(max-width: 560px)").matches;
  const drawn = [];
  let months = 0;
  let scale = "linear";

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const theme = () => ({
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    "font.color": css("--soft"),
    "font.family": getComputedStyle(document.body).fontFamily,
    "hoverlabel.bgcolor": css("--card"),
    "hoverlabel.bordercolor": css("--line"),
    "hoverlabel.font.color": css("--text"),
    "xaxis.linecolor": css("--line"),
    "xaxis.tickcolor": css("--line"),
    "yaxis.gridcolor": css("--grid"),
    "yaxis.zerolinecolor": css("--line"),
    "yaxis.linecolor": "rgba(0,0,0,0)",
  });

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

  function view(chart) {
    const from = start();
    const rebase = chart.name === "equity";
    const parts = charts[chart.name].data.map((trace) => values(trace, from, rebase));
    let low = Infinity;
    let high = -Infinity;
    for (const { at, y } of parts) {
      for (let i = Math.max(at, 0); at >= 0 && i < y.length; i++) {
        if (y[i] === null) continue;
        if (y[i] < low) low = y[i];
        if (y[i] > high) high = y[i];
      }
    }
    const log = rebase && scale === "log" && low > 0;
    if (log) [low, high] = [Math.log10(low), Math.log10(high)];
    const pad = 0.05 * (high - low || 1);
    const top = chart.name === "drawdown" ? 0.005 : high + pad;
    return {
      y: parts.map((part) => part.y),
      layout: {
        "xaxis.range": [from, last],
        "yaxis.type": log ? "log" : "linear",
        "yaxis.range": Number.isFinite(low) ? [low - pad, top] : [-1, 1],
      },
    };
  }

  function draw(box) {
    const name = box.dataset.chart;
    const source = charts[name];
    const chart = { box, name };
    const { y, layout } = view(chart);
    const data = source.data.map((trace, i) => ({ ...trace, x: axes[trace.x], y: y[i] }));
    const base = structuredClone(source.layout);
    if (narrow) Object.assign(base, { height: 320, dragmode: false, margin: { l: 40, r: 4, t: 8, b: 32 } });
    const config = { responsive: true, displayModeBar: false, doubleClick: false };
    Plotly.newPlot(box, data, base, config).then(() => {
      Plotly.relayout(box, { ...theme(), ...layout });
      box.on("plotly_doubleclick", () => { update(chart); });
    });
    return chart;
  }

  function update(chart) {
    const { y, layout } = view(chart);
    Plotly.update(chart.box, { y }, layout);
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

  for (const box of document.querySelectorAll("[data-chart]")) drawn.push(draw(box));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const { box } of drawn) Plotly.relayout(box, theme());
  });
})();
