"use strict";
(() => {
  const STORED = "routelab-operator-key";
  const by = (id) => document.getElementById(id);
  let key = sessionStorage.getItem(STORED) || "";
  let paused = false;
  let last = null;
  let heardAt = 0;
  let reading = null;
  let waitMs = 1000;

  // Words. Whatever comes from callers, models or files is set as text, never as markup.

  const unknown = "\u2013";
  const count = (value) => (value === null || value === undefined ? unknown : value.toLocaleString("en"));
  const share = (value) => (value === null || value === undefined ? unknown : (100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0) + " %");
  const usd = (value) => {
    if (value === null || value === undefined) return unknown;
    if (value === 0) return "$0";
    if (value < 0.000001) return "$" + value.toExponential(1);
    return "$" + (value >= 100 ? value.toFixed(0) : value >= 0.1 ? value.toFixed(2) : value.toPrecision(2).replace(/\.?0+$/, (it) => (it.includes(".") ? "" : it)));
  };
  const took = (value) => {
    if (value === null || value === undefined) return unknown;
    if (value < 0.001) return (1000 * value).toFixed(2) + " ms";
    if (value < 1) return (1000 * value).toFixed(value < 0.01 ? 1 : 0) + " ms";
    return value.toFixed(value < 10 ? 2 : 1) + " s";
  };
  const clock = (seconds) => new Date(1000 * seconds).toLocaleTimeString("en-GB");
  const ago = (seconds, now) => {
    const past = Math.max(0, now - seconds);
    if (past < 90) return Math.round(past) + " s ago";
    if (past < 5400) return Math.round(past / 60) + " min ago";
    if (past < 129600) return Math.round(past / 3600) + " h ago";
    return Math.round(past / 86400) + " days ago";
  };
  const moment = (seconds) => new Date(1000 * seconds).toISOString().slice(0, 16).replace("T", " ") + " UTC";

  // Elements. Only what differs is written, so that focus, selection and open entries stay.

  const made = (tag, words, kind) => {
    const it = document.createElement(tag);
    if (kind) it.className = kind;
    if (words !== undefined) it.textContent = words;
    return it;
  };
  const write = (element, words) => {
    if (element.textContent !== words) element.textContent = words;
  };
  const keep = (parent, wanted, keyOf, make, update) => {
    const there = new Map([...parent.children].map((it) => [it.dataset.key, it]));
    const seen = new Map();
    let before = null;
    for (const value of wanted) {
      let name = String(keyOf(value));
      const times = (seen.get(name) || 0) + 1;
      seen.set(name, times);
      if (times > 1) name += "\u0000" + times;
      let element = there.get(name);
      there.delete(name);
      if (!element) {
        element = make(value);
        element.dataset.key = name;
      }
      const next = before ? before.nextElementSibling : parent.firstElementChild;
      if (next !== element) parent.insertBefore(element, next);
      update(element, value);
      before = element;
    }
    for (const gone of there.values()) gone.remove();
  };

  // A column: its head, a function that gives [words, small words, class], and whether it is a number.

  const column = (head, of, number = true, wide = false) => ({ head, of, number, wide });
  const errors = column("Errors", (it) => [it.errors ? `${count(it.errors)} (${share(it.error_rate)})` : "0", "", it.errors ? "bad" : ""]);
  const times = ["p50", "p95", "p99"].map((name) => column(name.toUpperCase(), (it) => [took(it[name])]));
  const money = [
    column("USD per 1,000", (it) => [usd(it.usd_per_1k)]),
    column("USD", (it) => [usd(it.usd), it.cost_unknown ? `${count(it.cost_unknown)} of unknown cost` : ""]),
  ];
  const tables = {
    policies: {
      empty: "None.",
      key: (it) => it.name + " " + it.digest,
      row: (it) => [it.name, it.model ? "a model by itself" : it.kind, it.served ? "" : "former"],
      head: "Policy",
      columns: [
        column("Hash", (it) => [it.short, "", "hash"], false),
        column("Since", (it) => [it.served ? ago(it.since_s, last.at_s) : "no more", it.served ? moment(it.since_s) : ""], false),
        column("Requests", (it) => [count(it.count)]),
        errors, ...times, ...money,
      ],
    },
    models: {
      empty: "No call was made yet.",
      key: (it) => it.name,
      row: (it) => [it.name],
      head: "Model",
      columns: [
        column("Calls", (it) => [count(it.count), it.not_sent ? `${count(it.not_sent)} more not sent` : ""]),
        errors, ...times,
        column("First token P95", (it) => [took(it.first_p95)]),
        ...money,
        column("Quality", (it) => [it.quality === null ? unknown : it.quality.toFixed(3), it.judged ? `${count(it.judged)} judged` : ""]),
      ],
    },
    spending: {
      empty: "Nothing was spent yet.",
      key: (it) => it.digest + " " + it.tenant,
      row: (it) => [it.tenant || "(no tenant)"],
      head: "Tenant",
      columns: [
        column("Policy", (it) => [it.policy, it.digest.slice(0, 12)], false),
        column("Requests", (it) => [count(it.count)]),
        errors,
        column("P95", (it) => [took(it.p95)]),
        ...money,
        column("Of all", (it) => [share(it.share)]),
      ],
    },
    budgets: {
      empty: "No budget is set, or nothing was charged to one yet.",
      key: (it) => it.account,
      row: (it) => [it.account, it.period],
      head: "Account",
      columns: [
        column("Used", (it) => [share(it.used), "", it.used >= 1 ? "bad" : ""], false),
        column("Spent", (it) => [usd(it.spent_usd), it.reserved_usd ? `${usd(it.reserved_usd)} reserved` : ""]),
        column("Limit", (it) => [usd(it.limit_usd)]),
        column("Left", (it) => [usd(it.left_usd)]),
        column("Full again", (it) => [it.resets_at_s === null ? "never" : moment(it.resets_at_s)], false),
      ],
      meter: "Used",
    },
    deployments: {
      empty: "No deployment was asked yet.",
      key: (it) => it.name,
      row: (it) => [it.name],
      head: "Deployment",
      columns: [
        column("Breaker", (it) => [it.breaker || unknown, "", it.breaker === "closed" ? "good" : it.breaker ? "bad" : ""], false),
        column("Attempts", (it) => [count(it.count)]),
        errors,
        column("P95", (it) => [took(it.p95)]),
        column("Failures", (it) => [
          it.failures.map((one) => `${one.failure} ${count(one.count)}`).join(", ") || "none",
          it.failures.some((one) => one.operator) ? "yours to mend: key, credit, permission or model" : "",
          it.failures.some((one) => one.operator) ? "bad" : "",
        ], false, true),
      ],
    },
    refusals: {
      empty: "Nothing was refused.",
      key: (it) => it.name,
      row: (it) => [it.name],
      head: "What",
      columns: [column("Count", (it) => [count(it.count), it.note || "", it.bad ? "bad" : ""])],
    },
  };

  const fill = (cell, given) => {
    const [words, small, kind] = given;
    const shape = words + "\u0000" + (small || "") + "\u0000" + (kind || "");
    if (cell.dataset.shape === shape) return;
    cell.dataset.shape = shape;
    cell.replaceChildren();
    const text = made("span", words, kind || "");
    if (small) {
      const both = made("span");
      both.append(text, made("small", small));
      cell.append(both);
    } else {
      cell.append(text);
    }
    cell.classList.toggle("blank", words === unknown && !small);
  };

  const showTable = (name, values) => {
    const table = tables[name];
    const box = document.querySelector(`[data-table="${name}"]`);
    let element = box.querySelector("table");
    if (!values.length) {
      if (element || !box.firstChild) box.replaceChildren(made("p", table.empty, "empty"));
      return;
    }
    if (!element) {
      element = made("table");
      element.setAttribute("aria-labelledby", box.closest("section").id + "-h");
      const head = made("tr");
      for (const words of [table.head, ...table.columns.map((it) => it.head)]) {
        const cell = made("th", words);
        cell.scope = "col";
        head.append(cell);
      }
      table.columns.forEach((it, at) => head.children[at + 1].classList.toggle("number", it.number));
      const top = made("thead");
      top.append(head);
      element.append(top, made("tbody"));
      box.replaceChildren(element);
    }
    keep(element.tBodies[0], values, table.key, () => {
      const row = made("tr");
      const first = made("th");
      first.scope = "row";
      row.append(first);
      for (const it of table.columns) {
        const cell = made("td", undefined, it.number ? "number" : it.wide ? "wide" : "");
        cell.dataset.label = it.head;
        row.append(cell);
      }
      return row;
    }, (row, value) => {
      fill(row.children[0], table.row(value));
      table.columns.forEach((it, at) => {
        const cell = row.children[at + 1];
        fill(cell, it.of(value));
        if (table.meter === it.head) gauge(cell, value.used);
      });
    });
  };

  const gauge = (cell, used) => {
    let meter = cell.querySelector("meter");
    if (!meter) {
      meter = made("meter");
      meter.max = 1;
      meter.high = 0.8;
      meter.setAttribute("aria-hidden", "true"); // the number beside it says the same
      cell.firstChild.prepend(meter, " ");
    }
    meter.value = Math.min(1, used || 0);
  };

  const showSummary = (it) => {
    const asked = it.requests;
    const tiles = [
      ["Requests", count(asked.count), `in ${ago(it.since_s, it.at_s).replace(" ago", "")}`],
      ["Unanswered", share(asked.error_rate), `${count(asked.errors)} requests`],
      ["P50", took(asked.p50), ""],
      ["P95", took(asked.p95), asked.first_p95 === null ? "" : `first token ${took(asked.first_p95)}`],
      ["P99", took(asked.p99), ""],
      ["USD per 1,000", usd(asked.usd_per_1k), asked.cost_unknown ? `${count(asked.cost_unknown)} of unknown cost` : ""],
      ["Spent", usd(asked.usd), ""],
      ["Escalated", share(asked.escalation_rate), asked.degraded ? `${count(asked.degraded)} degraded` : "of the answered"],
      ["Under way", count(asked.under_way), asked.waiting ? `${count(asked.waiting)} calls wait` : ""],
    ];
    keep(by("summary"), tiles, (tile) => tile[0], (tile) => {
      const box = made("div");
      box.append(made("dt", tile[0]), made("dd"));
      return box;
    }, (box, tile) => fill(box.lastChild, [tile[1], tile[2], tile[0] === "Unanswered" && asked.errors ? "bad" : ""]));
  };

  const showRefusals = (it) => {
    const rows = Object.entries(it.requests.refused).map(([name, n]) => ({ name: `refused: ${name}`, count: n }));
    for (const [name, n] of Object.entries(it.requests.statuses)) {
      if (name !== "answered") rows.push({ name: `ended as ${name}`, count: n, bad: name === "broken" });
    }
    for (const [name, n] of Object.entries(it.requests.reloads)) {
      rows.push({ name: `changes of files ${name === "taken" ? "taken over" : "refused"}`, count: n, bad: name !== "taken" });
    }
    if (it.log) {
      rows.push({ name: "decision log: records written", count: it.log.written, note: it.log.queued ? `${count(it.log.queued)} wait` : "" });
      if (it.log.dropped || it.log.error) rows.push({ name: "decision log: records lost", count: it.log.dropped, note: it.log.error || "", bad: true });
    }
    showTable("refusals", rows);
  };

  const showAlerts = (alerts) => {
    keep(by("alerts"), alerts.slice(0, 10), (it) => [it.account, it.period, it.share].join(" "), () => made("li"), (item, it) =>
      write(item, it.spent_usd < it.share * it.limit_usd
        ? `Alert: a call found no room in the budget of ${it.account} for ${it.period} (${usd(it.spent_usd)} of ${usd(it.limit_usd)} spent).`
        : `Alert: ${share(it.share)} of the budget of ${it.account} for ${it.period} is spent (${usd(it.spent_usd)} of ${usd(it.limit_usd)}).`));
  };

  const decision = (it) => {
    const item = made("li");
    const details = made("details");
    const head = made("summary");
    const chain = it.calls.map((one) => one.model).join(" \u2192 ") || "no call";
    const failed = it.status !== "answered";
    const told = failed ? `${chain}: ${it.status}` : chain;
    head.append(
      made("span", clock(it.at_s), "faint"),
      made("span", it.policy, "policy"),
      made("span", told, failed ? "chain bad" : "chain"),
      made("span", it.tenant || "(no tenant)", "tenant faint"),
      made("span", took(it.latency_s), "took number"),
      made("span", usd(it.cost_usd), "cost number"),
    );
    details.append(head);
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(why(it));
    });
    item.append(details);
    return item;
  };

  const why = (it) => {
    const box = made("div", undefined, "why");
    const calls = made("ol");
    for (const one of it.calls) {
      const extra = [took(one.latency_s), usd(one.cost_usd), one.attempts > 1 ? `${one.attempts} attempts` : ""];
      const line = made("li", one.words + " ", one.error || one.rejected.length ? "bad" : "");
      line.append(made("span", "(" + extra.filter((words) => words && words !== unknown).join(", ") + ")", "faint"));
      if (one.delivered) line.append(made("strong", " delivered"));
      calls.append(line);
    }
    box.append(calls);
    if (it.reasons.length || it.error || it.degraded) {
      const reasons = made("ul");
      for (const reason of it.reasons) reasons.append(made("li", reason));
      if (it.degraded) reasons.append(made("li", "a budget had the cheaper policy decide"));
      if (it.error) reasons.append(made("li", it.error, "bad"));
      box.append(reasons);
    }
    const list = made("dl");
    for (const [name, words] of [["id", it.id], ["policy", it.digest.slice(0, 12)], ["task", it.task], ["priority", it.priority]]) {
      if (!words) continue;
      const pair = made("div");
      pair.append(made("dt", name), made("dd", words, name === "task" || name === "priority" ? "" : "hash"));
      list.append(pair);
    }
    box.append(list);
    return box;
  };

  const showDecisions = (decisions) => {
    const list = by("decision-list");
    if (!decisions.length) {
      list.replaceChildren(made("li", "No request was decided yet.", "empty"));
      return;
    }
    keep(list, decisions, (it) => it.id + " " + it.at_s, decision, () => {});
  };

  const show = (it) => {
    last = it;
    const version = it.processes > 1 ? `${it.version}, ${it.processes} processes` : it.version;
    write(by("version"), version);
    write(by("at"), `as of ${clock(it.at_s)}`);
    by("main").hidden = false;
    const troubles = [];
    if (it.draining) troubles.push("The server was told to stop: it sees requests under way through and takes no new ones.");
    const open = it.deployments.filter((one) => one.breaker && one.breaker !== "closed");
    if (open.length) troubles.push(`Breakers are not closed: ${open.map((one) => one.name).join("; ")}.`);
    const full = it.budgets.filter((one) => one.used >= 1);
    if (full.length) troubles.push(`Budgets without room: ${full.map((one) => one.account).join("; ")}.`);
    const mend = it.deployments.filter((one) => one.failures.some((failure) => failure.operator));
    if (mend.length) troubles.push(`Failures that are yours to mend: ${mend.map((one) => one.name).join("; ")}.`);
    if (it.log && it.log.error) troubles.push(`The decision log cannot be written: ${it.log.error}`);
    by("notice").hidden = !troubles.length;
    write(by("notice"), troubles.join(" "));
    showSummary(it);
    for (const name of ["policies", "models", "spending", "budgets", "deployments"]) showTable(name, it[name]);
    showAlerts(it.alerts);
    showDecisions(it.decisions);
    showRefusals(it);
  };

  // The connection.

  const tell = (words, kind) => {
    write(by("state"), words);
    by("state").className = kind;
  };
  const headers = () => (key ? { authorization: `Bearer ${key}` } : {});
  const askForKey = (words) => {
    stop();
    by("main").hidden = true;
    by("pause").hidden = by("forget").hidden = true;
    by("key-form").hidden = false;
    write(by("key-why"), key ? words : "");
    tell("A key is needed", "");
    by("key").focus();
  };
  const stop = () => {
    if (reading) reading.abort();
    reading = null;
  };
  const event = (text) => {
    let name = "";
    let data = "";
    for (const line of text.split("\n")) {
      if (line.startsWith("event: ")) name = line.slice(7);
      if (line.startsWith("data: ")) data += line.slice(6);
    }
    heardAt = Date.now();
    if (name === "status" && !paused) show(JSON.parse(data));
    if (name === "end") tell("The server has stopped", "lost");
  };
  const read = async () => {
    stop();
    const mine = new AbortController();
    reading = mine;
    try {
      const reply = await fetch("status/events", { headers: headers(), signal: mine.signal, cache: "no-store" });
      if (reply.status === 401 || reply.status === 403) {
        const body = await reply.json().catch(() => null);
        askForKey(body && body.error ? body.error.message : "This key is not taken.");
        return;
      }
      if (!reply.ok) throw new Error(`status ${reply.status}`);
      waitMs = 1000;
      const asked = !by("key-form").hidden;
      by("key-form").hidden = true;
      if (asked) {
        by("main").hidden = false;
        by("main").focus();
      }
      by("pause").hidden = false;
      by("forget").hidden = !key;
      tell(paused ? "Paused" : "Live", paused ? "" : "live");
      const chunks = reply.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await chunks.read();
        if (done) break;
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        parts.forEach(event);
      }
    } catch (error) {
      if (mine.signal.aborted) return;
    }
    tell(heardAt ? `No connection since ${clock(heardAt / 1000)}; trying again` : "No connection; trying again", "lost");
    setTimeout(() => { if (reading === mine) read(); }, waitMs);
    waitMs = Math.min(30000, 2 * waitMs);
  };

  by("pause").addEventListener("click", () => {
    paused = !paused;
    by("pause").setAttribute("aria-pressed", String(paused));
    tell(paused ? "Paused" : "Live", paused ? "" : "live");
  });
  by("forget").addEventListener("click", () => {
    key = "";
    sessionStorage.removeItem(STORED);
    askForKey("");
  });
  by("key-form").addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    const given = by("key").value.trim();
    if (/[^\x21-\x7e]/.test(given)) {
      write(by("key-why"), "A key has no spaces, and no letters beyond A to Z.");
      return;
    }
    key = given;
    sessionStorage.setItem(STORED, key);
    by("key").value = "";
    read();
  });
  read();
})();
