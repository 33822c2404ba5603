#!/bin/sh
# Statistics mean something in another process: each run of the command adds to those of the pool; a collector can read them.
. "${abs_top_srcdir:-.}/t/lib/lib.sh"
# value NAME: of a sample in $out
value() {
    printf '%s\n' "$out" | sed -n "s/^$1 //p"
}
run put http://192.0.2.1:8080
key=$out
for _ in 1 2 3; do run get "$key"; done
run get 0000000000000000
run stats --flat
is "$(value cache.l2.hits)/$(value cache.l3.misses)" 3/1 "hits and misses of processes before"
since=$(value cache.since)
run get "$key"
run stats --flat
is "$(value cache.l2.hits)/$(value cache.since)" "4/$since" "one more, since the same time"
run stats
like "$out" '^gets 5, hits 4, misses 1$' "stats say how many gets found something"
like "$out" '^counted since 2[0-9]*-.*Z$' "stats say since when"
run stats --json
like "$out" '"hits": 4, "misses": 1,.*"since": "2[0-9]*-[^"]*Z"' "and so does JSON"
run stats --openmetrics
printf '%s\n' "$out" >"$work/metrics"
is "$(value 'proxtier_gets_total{outcome="hit"}')" 4 "OpenMetrics have the sum"
is "$(value 'proxtier_gets_created{outcome="hit"}' | cut -d. -f1)" "$since" "and the time of its 0"
# Of each line: a sample belongs to the family above it, counters end with _total or _created, no series is there twice.
faults=$(awk '
    ended { print "text behind the end: " $0 }
    /^# EOF$/ { ended = 1; next }
    /^# TYPE / { if (seen[$3]++) print "family twice: " $3; family = $3; type = $4; next }
    /^# (HELP|UNIT) / { if ($3 != family) print "not of its family: " $0; next }
    !/^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9]+(\.[0-9]+)?$/ { print "no sample: " $0; next }
    { name = $1; sub(/\{.*/, "", name); if (had[$1]++) print "series twice: " $1
      if (type == "counter" && name != family "_total" && name != family "_created") print "no counter: " $0
      if (type == "gauge" && name != family) print "no gauge: " $0 }
    END { if (!ended) print "no end" }' "$work/metrics")
is "$faults" "" "OpenMetrics are well-formed"
before=$(sort "$work/metrics")
run get "$key"
run stats --openmetrics
fell=$(printf '%s\n' "$before" >"$work/before"; printf '%s\n' "$out" |
    awk 'NR == FNR { old[$1] = $2; next } $1 ~ /_total/ && $2 + 0 < old[$1] + 0 { print $1 }' "$work/before" -)
is "$fell" "" "no counter falls"
file=$(ls "$work"/.local/state/proxtier/*.stats)
is "$(stat -c %a "$file")" 600 "the file is private"
printf garbage >"$file"
run stats --flat
is "$code/$(value cache.l2.hits)" 0/0 "a damaged file begins anew"
like "$err" 'stats was damaged: statistics begin anew$' "with a notice"
run stats --flat
is "$err" "" "once"
done_testing
