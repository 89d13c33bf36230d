# SPDX-License-Identifier: GPL-3.0-or-later
# One table out of the harness's JSON lines: the median of each figure over the repeats; for what was lost and
# for foreign load the worst.
function text(key,    m) {
	if (match($0, "\"" key "\":\"[^\"]*\"")) {
		m = substr($0, RSTART, RLENGTH)
		sub("\"" key "\":\"", "", m)
		sub("\"$", "", m)
		return m
	}
	return ""
}

function number(key) {
	if (match($0, "\"" key "\":-?[0-9.]+"))
		return substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) + 0
	return ""
}

function inner(outer, key,    m) {
	if (!match($0, "\"" outer "\":{[^}]*}"))
		return ""
	m = substr($0, RSTART, RLENGTH)
	if (match(m, "\"" key "\":-?[0-9.]+"))
		return substr(m, RSTART + length(key) + 3, RLENGTH - length(key) - 3) + 0
	return ""
}

function add(column, v) {
	if (v == "")
		return
	values[target, column, n[target, column]++] = v
	if (!((target, column) in worst) || v > worst[target, column])
		worst[target, column] = v
}

function median(t, column,    i, j, k, v, list) {
	k = n[t, column]
	if (!k)
		return "-"
	for (i = 0; i < k; i++) {
		v = values[t, column, i]
		for (j = i - 1; j >= 0 && list[j] > v; j--)
			list[j + 1] = list[j]
		list[j + 1] = v
	}
	return k % 2 ? list[(k - 1) / 2] : (list[k / 2 - 1] + list[k / 2]) / 2
}

function show(v, format) {
	return v == "-" ? v : sprintf(format, v)
}

function bad(t, column) {
	return (t, column) in worst ? worst[t, column] : "-"
}

FNR == 1 {
	file = FILENAME
	sub(".*/", "", file)
	sub("\\.jsonl$", "", file)
}

/^\{/ {
	target = text("target")
	if (!(target in known)) {
		known[target] = 1
		order[++targets] = target
	}
	workload = text("workload")
	other = number("other_cpu_s")
	secs = number("secs")
	if (secs == "")
		secs = number("all_secs")
	if (other != "" && secs)
		add("other", other / secs)
	if (workload == "A" && text("mode") == "closed")
		add("rate", number("msgs_per_s"))
	if (workload == "A" && text("mode") == "closed")
		add("cpu", number("srv_cpu_per_1k") * 1000)
	if (workload == "A" && text("mode") == "open") {
		add("p50", inner("e2e_ms", "p50"))
		add("p99", inner("e2e_ms", "p99"))
	}
	if (workload == "B-accept" && file == "B-keep")
		add("accept", number("accept_per_s"))
	if (workload == "B-drain") {
		add("lost-" file, number("error") != "" || number("lost") == "" ? "all" : number("lost"))
		if (file == "B-keep")
			add("drain", number("drain_per_s"))
	}
	if (workload == "C")
		add("idle", number("rss_per_conn_kib"))
	if (workload == "D")
		add("storm", number("all_secs"))
}

END {
	print "| target | A msgs/s | A us CPU/msg | A p50 ms | A p99 ms | B accept/s | B drain/s | lost: keep | kill -9 | power cut | C KiB/conn | D s | other CPU |"
	print "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
	for (i = 1; i <= targets; i++) {
		t = order[i]
		printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", t, show(median(t, "rate"), "%d"),
			show(median(t, "cpu"), "%.1f"), show(median(t, "p50"), "%.2f"), show(median(t, "p99"), "%.2f"),
			show(median(t, "accept"), "%d"), show(median(t, "drain"), "%d"), bad(t, "lost-B-keep"),
			bad(t, "lost-B-kill9"), bad(t, "lost-B-cut"), show(median(t, "idle"), "%.1f"),
			show(median(t, "storm"), "%.2f"), show(bad(t, "other"), "%.2f")
	}
	print ""
	print "Medians; lost and other CPU: the worst. A p50 and p99 are measured at half the greatest rate. Other CPU: cores that neither server nor generator used."
}
