#!/usr/bin/env bash
# Makes sure that this machine has what is named: cc, lints, make, node, postgres, python.
# Installs it with apt-get where we may (as root, or with a sudo that asks nothing); else says what to install.
set -euo pipefail
here=$(dirname "$0")

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null && as_root true 2>/dev/null
}

updated=
install() { # packages…
    if [ -z "$updated" ]; then
        as_root apt-get update -q
        updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# The packages alone: Debian would also make a cluster named main and start it.
install_postgres() {
    local off=/etc/postgresql-common/createcluster.d/sixty.conf
    as_root mkdir -p "$(dirname "$off")"
    echo 'create_main_cluster = false' | as_root tee "$off" >/dev/null
    local status=0
    install postgresql || status=$?
    as_root rm -f "$off"
    return "$status"
}

has() { # what
    case $1 in
        cc) command -v cc ;;
        lints) cargo fmt --version && cargo clippy --version ;;
        make) command -v make ;;
        node) command -v node && command -v npm ;;
        postgres) "$here/pg-bindir.sh" ;;
        python) python3 -c 'import venv, ensurepip' ;;
        *) false ;;
    esac >/dev/null 2>&1
}

get() { # what
    case $1 in
        cc) install gcc libc6-dev ;;
        lints) rustup component add rustfmt clippy ;;
        make) install make ;;
        node) install nodejs npm ;;
        postgres) install_postgres ;;
        python) install python3 python3-venv ;;
    esac
}

advice() { # what
    local missing apt brew
    case $1 in
        cc) missing='A C compiler' apt='gcc libc6-dev' brew=gcc ;;
        lints) echo 'rustfmt or clippy is missing. Install them: `rustup component add rustfmt clippy`.'; return ;;
        make) missing='make' apt=make brew=make ;;
        node) missing='Node.js with npm' apt='nodejs npm' brew=node ;;
        postgres) missing='A PostgreSQL server (version 15 or newer)' apt=postgresql brew=postgresql@17 ;;
        python) missing='Python 3 with venv' apt='python3 python3-venv' brew=python ;;
    esac
    echo "$missing is missing. Install it: \`apt-get install $apt\`, or \`brew install $brew\` on macOS."
}

for what in "$@"; do
    has "$what" && continue
    if [ "$what" = lints ] || may_install; then
        echo "$what is missing here; it is being installed" >&2
        get "$what" >&2 || true
    fi
    has "$what" || { advice "$what" >&2; exit 1; }
done
