"use strict";
// Moves thresholds and prices over the embedded table; every figure is a replay's.
(() => {
  const root = document.getElementById("explorer");
  const table = JSON.parse(document.getElementById("explorer-data").textContent);
  const sliders = [...root.querySelectorAll(".explorer-threshold")];
  const price = root.querySelector("#explorer-price"), payee = root.querySelector("#explorer-model");
  const plane = root.querySelector(".explorer-plane"), said = root.querySelector(".explorer-said");
  const factors = table.models.map(() => 1);
  const Z = 1.959964;

  // Numbers are written as elsewhere in the report: exact ties round to the even digit.
  const fixed = (value, digits) => {
    const long = value.toFixed(digits + 25), cut = long.slice(0, digits ? -25 : -26);
    const tie = long.slice(-25) === "5" + "0".repeat(24);
    return tie && Number(cut.slice(-1)) % 2 === 0 ? cut : value.toFixed(digits);
  };
  const minus = (text) => text.replace("-", "−");
  const grouped = (text) => {
    const [whole, part] = text.split(".");
    return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? "." + part : "");
  };
  const quality = (value) => minus(fixed(value, 3));
  const share = (value) => fixed(100 * value, 1) + "%";
  const usd = (value) => {
    const size = Math.abs(value);
    const digits = size >= 1e-9 ? Math.min(9, Math.max(0, 2 - Math.floor(Math.log10(size)))) : 0;
    return minus(grouped(fixed(value, digits)));
  };
  const signed = (value, digits, unit) => {
    const text = value.toFixed(digits);
    return (Number(text) === 0 ? text.replace("-", "") : value > 0 ? "+" + text : minus(text)) + unit;
  };
  const short = (name, most) => {
    const line = name.replace(/\s+/g, " ").trim(), head = Math.ceil((most - 1) * 0.55);
    return line.length <= most ? line : line.slice(0, head) + "…" + line.slice(line.length - (most - 1 - head));
  };

  // One cell of the table, at the current prices.
  const cellOf = (indices) => indices.reduce((cell, at, i) => cell * table.labels[i].length + at, 0);
  const costOf = (cell) => 1000 * table.usd.reduce((sum, step, k) => sum + factors[k] * step[cell], 0);
  const costError = (cell) => {
    let sum = 0, row = 0;
    for (let i = 0; i < factors.length; i++) {
      for (let j = i; j < factors.length; j++, row++) {
        if (table.usdCov[row][cell] === null) return null;
        sum += (i === j ? 1 : 2) * factors[i] * factors[j] * table.usdCov[row][cell];
      }
    }
    return 1000 * Math.sqrt(Math.max(0, sum));
  };
  const interval = (value, error, most) =>
    error === null ? null : [Math.max(0, value - Z * error), Math.min(most, value + Z * error)];
  const figures = (cell) => {
    const cost = costOf(cell), good = table.quality[cell];
    return {
      cell, usd: cost, quality: good, escalated: table.escalated[cell] / table.n,
      usdRange: interval(cost, costError(cell), Infinity),
      qualityRange: interval(good, table.qualitySe[cell], 1),
    };
  };
  const landmarkCost = (one) =>
    one.usd ? one.rest + one.usd.reduce((sum, spent, k) => sum + factors[k] * spent, 0) : one.rest;

  const put = (kind, name, text) => {
    root.querySelector(`[data-${kind}="${name}"]`).textContent = text;
  };
  const readOut = (here, tuned) => {
    put("figure", "quality", quality(here.quality));
    put("figure", "usd", usd(here.usd));
    put("figure", "escalated", share(here.escalated));
    const between = (range, told) => (range ? `${told(range[0])} to ${told(range[1])}` : "");
    put("interval", "quality", between(here.qualityRange, quality));
    put("interval", "usd", between(here.usdRange, usd));
    const same = here.cell === tuned.cell;
    const relative = tuned.usd > 0 ? signed(100 * (here.usd / tuned.usd - 1), 1, "% from tuned") : "";
    put("change", "quality", same ? "as tuned" : signed(100 * (here.quality - tuned.quality), 1, " points from tuned"));
    put("change", "usd", same ? (factors.every((f) => f === 1) ? "as tuned" : "tuned, at these prices") : relative);
    put("change", "escalated", same ? "as tuned" : signed(100 * (here.escalated - tuned.escalated), 1, " points from tuned"));
    const answered = table.answered.map((step) => step[here.cell]);
    answered.push(answered.reduce((left, some) => left - some, table.n));
    for (const bar of root.querySelectorAll("[data-answered]")) {
      const part = answered[bar.dataset.answered] / table.n;
      bar.textContent = share(part);
      bar.style.setProperty("--share", part);
    }
    table.calls.forEach((step, k) => put("asked", k, share(step[here.cell] / table.n)));
  };

  // The plane of cost and quality.
  const element = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const hull = (points) => {
    const kept = [];
    for (const p of [...points].sort((a, b) => a[0] - b[0] || b[1] - a[1])) {
      if (kept.length && p[1] <= kept[kept.length - 1][1]) continue;
      while (kept.length > 1) {
        const [a, b] = kept.slice(-2);
        if ((b[1] - a[1]) * (p[0] - a[0]) > (p[1] - a[1]) * (b[0] - a[0])) break;
        kept.pop();
      }
      kept.push(p);
    }
    return kept;
  };
  const spread = (values) => {
    const low = Math.min(...values), high = Math.max(...values);
    const pad = 0.07 * (high - low) || 0.05 * Math.abs(high) || 0.01;
    return [Math.max(0, low - pad), high + pad];
  };
  const ticks = ([low, high], count) => {
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find((s) => s * power >= raw) * power;
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), found = [];
    for (let i = Math.ceil(low / step); i * step <= high; i++) found.push([i * step, grouped((i * step).toFixed(digits))]);
    return found;
  };
  const draw = (here, tuned) => {
    const width = Math.max(260, plane.clientWidth), height = Math.round(Math.min(360, Math.max(250, 0.6 * width)));
    const cells = table.quality.map((good, cell) => [costOf(cell), good]);
    const marks = table.landmarks.map((one) => ({ ...one, at: [landmarkCost(one), one.quality] }));
    const all = [...cells, ...marks.map((one) => one.at)];
    const xs = spread(all.map((p) => p[0])), ys = spread(all.map((p) => p[1]));
    const frame = { left: 40, right: width - 8, top: 22, bottom: height - 40 };
    const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
    const x = (v) => clamp(frame.left + ((v - xs[0]) / (xs[1] - xs[0])) * (frame.right - frame.left), frame.left, frame.right);
    const y = (v) => clamp(frame.bottom - ((v - ys[0]) / (ys[1] - ys[0])) * (frame.bottom - frame.top), frame.top, frame.bottom);
    const line = (points) => points.map((p, i) => `${i ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("");
    const parts = [];
    const add = (name, attributes, text) => parts.push(element(name, attributes, text));

    for (const [at, text] of ticks(ys, 4)) {
      add("line", { class: "grid", x1: frame.left, x2: frame.right, y1: y(at), y2: y(at) });
      add("text", { x: frame.left - 7, y: y(at) + 4, "text-anchor": "end" }, text);
    }
    for (const [at, text] of ticks(xs, width < 420 ? 3 : 5)) {
      add("text", { x: x(at), y: frame.bottom + 17, "text-anchor": "middle" }, text);
    }
    add("text", { x: 0, y: 10 }, "quality");
    add("text", { x: frame.right, y: height - 5, "text-anchor": "end" }, "USD per 1,000 requests");
    add("path", { class: "cells", d: cells.map((p) => `M${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}h0`).join("") });
    const alone = hull(marks.filter((one) => one.kind === "model").map((one) => one.at));
    if (alone.length) add("path", { class: "hull", d: line([...alone, [xs[1], alone[alone.length - 1][1]]]) });

    const changed = factors.some((factor) => factor !== 1);
    const [cx, cy] = [x(here.usd), y(here.quality)];
    const dots = [[tuned.usd, tuned.quality], [here.usd, here.quality], ...marks.map((one) => one.at)];
    const taken = dots.map((p) => ({ x: x(p[0]) - 7, y: y(p[1]) - 7, w: 14, h: 14 }));
    const label = (at, name, kind) => {
      const text = short(name, 24), w = 6.7 * text.length, h = 14, [px, py] = [x(at[0]), y(at[1])];
      const away = kind ? 13 : 9;
      const places = [[away, -7], [-away - w, -7], [-w / 2, -14 - away], [-w / 2, away], [away, -24], [away, 10], [-away - w, -24], [-away - w, 10]];
      const cost = ([dx, dy], order) => {
        const box = { x: px + dx, y: py + dy, w, h };
        const outside = Math.max(0, frame.left - box.x) + Math.max(0, box.x + w - frame.right)
          + Math.max(0, frame.top - 22 - box.y) + Math.max(0, box.y + h - frame.bottom);
        const over = taken.reduce((sum, o) => sum
          + Math.max(0, Math.min(box.x + w, o.x + o.w) - Math.max(box.x, o.x))
          * Math.max(0, Math.min(box.y + h, o.y + o.h) - Math.max(box.y, o.y)), 0);
        return over + 30 * outside + order;
      };
      const costs = places.map(cost), [dx, dy] = places[costs.indexOf(Math.min(...costs))];
      taken.push({ x: px + dx, y: py + dy, w, h });
      const made = element("text", { class: `name ${kind}`, x: px + dx, y: py + dy + 11 }, text);
      if (text !== name) made.append(element("title", {}, name));
      parts.push(made);
    };
    for (const one of marks) {
      const stale = changed && !one.usd ? " stale" : "";
      add("circle", { class: one.kind + stale, cx: x(one.at[0]), cy: y(one.at[1]), r: one.kind === "model" ? 5 : 4.5 });
    }
    add("circle", { class: "tuned", cx: x(tuned.usd), cy: y(tuned.quality), r: 9 });
    const whisker = (x1, x2, y1, y2) => {
      add("line", { class: "whisker", x1, x2, y1, y2 });
      taken.push({ x: x1 - 2, y: y2 - 2, w: x2 - x1 + 4, h: y1 - y2 + 4 });
    };
    if (here.usdRange) whisker(...here.usdRange.map(x), cy, cy);
    if (here.qualityRange) whisker(cx, cx, ...here.qualityRange.map(y));
    add("circle", { class: "here", cx, cy, r: 6 });
    for (const one of marks) label(one.at, one.name, "");
    label([tuned.usd, tuned.quality], "tuned", "ours");
    if (here.cell !== tuned.cell) label([here.usd, here.quality], "here", "ours");
    plane.setAttribute("viewBox", `0 0 ${width} ${height}`);
    plane.style.height = `${height}px`;
    plane.replaceChildren(...parts);
  };

  const show = () => {
    const indices = sliders.map((slider) => Number(slider.value));
    sliders.forEach((slider, i) => {
      const text = table.labels[i][indices[i]];
      slider.previousElementSibling.textContent = text;
      slider.setAttribute("aria-valuetext", text);
    });
    const factor = factors[payee.value].toFixed(2);
    price.previousElementSibling.textContent = `× ${factor}`;
    price.setAttribute("aria-valuetext", `times ${factor}`);
    const here = figures(cellOf(indices)), tuned = figures(cellOf(table.chosen));
    readOut(here, tuned);
    draw(here, tuned);
  };
  const say = () => {
    const told = (name) => root.querySelector(`[data-figure="${name}"]`).textContent;
    said.textContent = `Quality ${told("quality")}, USD ${told("usd")} per 1,000 requests, ${told("escalated")} escalated.`;
  };
  const form = root.querySelector("form");
  form.addEventListener("input", (event) => {
    if (event.target === price) factors[payee.value] = 10 ** (price.value / 20);
    if (event.target === payee) price.value = Math.round(20 * Math.log10(factors[payee.value]));
    show();
  });
  form.addEventListener("change", say);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    sliders.forEach((slider, i) => { slider.value = table.chosen[i]; });
    factors.fill(1);
    price.value = 0;
    show();
    say();
  });
  root.querySelector(".explorer-live").hidden = false;
  let drawn = 0;
  new ResizeObserver(() => {
    if (plane.clientWidth === drawn) return;
    drawn = plane.clientWidth;
    show();
  }).observe(plane);
  show();
})();
