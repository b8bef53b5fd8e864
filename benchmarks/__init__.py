"""One script per published claim; `script/bench` runs them and writes results.json."""
