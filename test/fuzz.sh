#!/usr/bin/env bash
# Runs every fuzz target of the tree, each for the given time:   test/fuzz.sh 5s
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

span=${1:-5s}
grep -rhoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' internal >/dev/null || { echo "no fuzz targets"; exit 1; }
while IFS=: read -r file name; do
	name=${name#func }
	echo "$(dirname "$file") $name"
	go test -run='^$' -fuzz="^$name\$" -fuzztime="$span" "./$(dirname "$file")"
done < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' internal | sort)
