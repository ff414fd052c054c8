#!/usr/bin/env bash
# Deletes the private Postgres of `make run`: in SIXTY_DATA_DIR (.data), or where its note `moved-to` says.
set -euo pipefail
asked=${SIXTY_DATA_DIR:-.data}
[ -d "$asked" ] || { echo "There is no $asked."; exit 0; }
asked=$(cd "$asked" && pwd -P)
used=$asked
[ ! -e "$asked/moved-to" ] || used=$(cat "$asked/moved-to")
case $used in
    "$asked" | /var/lib/sixty/?*) ;;
    *) echo "$asked/moved-to names $used, which sixty did not make. Nothing is deleted." >&2; exit 1 ;;
esac

lock=$used/in-use.lock
if [ -e "$lock" ] && command -v flock >/dev/null && ! flock --nonblock "$lock" true; then
    echo "A sixty process uses $used. Stop it first." >&2
    exit 1
fi

command_line() { # pid
    if [ -e /proc/self/cmdline ]; then
        tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline"
    else
        ps -ww -o args= -p "$1"
    fi
}

# A server that a killed sixty left running; the number alone might be another program's by now.
pid_file=$used/postgres/postmaster.pid
pid=$(head -n 1 "$pid_file" 2>/dev/null || true)
if [ -n "$pid" ] && command_line "$pid" | grep -qF -- "$used/postgres"; then
    kill -INT "$pid"
    for _ in $(seq 600); do
        [ -e "$pid_file" ] || break
        sleep 0.1
    done
fi

rm -rf "$used" "$asked"
echo "Deleted $used."
