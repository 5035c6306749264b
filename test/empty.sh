#!/usr/bin/env bash
# Runs a command that must print nothing; what it prints is a list of findings.   test/empty.sh TEXT COMMAND [ARGUMENT...]
set -euo pipefail
text=$1
shift
found=$("$@")
if [ -n "$found" ]; then
	printf '%s\n%s\n' "$text" "$found"
	exit 1
fi
