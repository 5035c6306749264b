#!/usr/bin/env bash
# Runs one suite: installs what it needs where it may (Debian packages as root, npm packages), and then the command.
#
#   test/suite.sh TITLE NEED[,NEED...] COMMAND [ARGUMENT...]
#
# Where something is missing it says what, and which suite is left out; with CI set that is a failure. A need that ends
# with "?" leaves out only a part of the suite, which then runs all the same.
# Needs: none, cgo, node, postgres, chromium, web (the npm packages of web), sdk (those of test/sdk/node),
# chatsdk (those of test/chatsdk), media (those of test/media), clamd, webchat2 (those of test/webchat2), carriers (those of test/carriers),
# netsmpp (Perl's Net::SMPP), kannel.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

title=$1 needs=$2
shift 2

debian() { # installs Debian packages when this is Debian, root may do so, and it has not been tried in vain
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # RUNLEVEL: servers that come along are not started
	echo "installing $* ..."
	apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 ||
		{ apt-get update >/dev/null 2>&1 && apt-get install -y --no-install-recommends "$@" >/dev/null; }
}

npm_packages() { # brings node_modules to what the lock file says
	need_node || return 1
	[ -f "$1/package-lock.json" ] || return 1
	if [ -z "${CI:-}" ] && cmp -s "$1/package-lock.json" "$1/node_modules/.usher-lock"; then return 0; fi
	(cd "$1" && npm ci --no-audit --no-fund --loglevel=error) >&2 && cp "$1/package-lock.json" "$1/node_modules/.usher-lock"
}

need_none() { :; }
need_cgo() { command -v "${CC:-gcc}" >/dev/null || debian gcc libc6-dev; }
need_node() { command -v node >/dev/null && command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; }
need_web() { npm_packages web; }
need_sdk() { npm_packages test/sdk/node; }
need_chatsdk() { npm_packages test/chatsdk; }
need_media() { npm_packages test/media; }
need_clamd() { command -v clamd >/dev/null || debian clamav-daemon; }
need_webchat2() { npm_packages test/webchat2; }
need_carriers() { npm_packages test/carriers; }
need_netsmpp() { perl -MNet::SMPP -e 1 2>/dev/null || debian libnet-smpp-perl; }
need_kannel() { [ -x /usr/sbin/bearerbox ] || command -v bearerbox >/dev/null || debian kannel; }
need_postgres() { # the same places that dbtest looks at
	[ -n "${TEST_PG:-}" ] && return 0
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || debian postgresql
}
need_chromium() {
	[ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || debian chromium || return 1
	# Without these, Japanese and symbols are boxes in screenshots.
	[ -n "$(ls /usr/share/fonts/opentype/noto/*CJK* 2>/dev/null)" ] || debian fonts-noto-cjk fonts-dejavu-core || true
}

missing=
for need in ${needs//,/ }; do
	"need_${need%\?}" && continue
	if [ "$need" != "${need%\?}" ] && [ -z "${CI:-}" ]; then
		echo "LEFT OUT: $title: what needs ${need%\?}"
	else
		missing="$missing ${need%\?}"
	fi
done
if [ -n "$missing" ]; then
	echo "LEFT OUT: $title: missing:$missing"
	[ -z "${CI:-}" ]
	exit
fi

echo "==> $title"
SECONDS=0
"$@"
echo "    $title: done in ${SECONDS} s"
