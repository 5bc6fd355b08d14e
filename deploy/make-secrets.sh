#!/bin/sh
# Writes the secrets of an installation into a folder, once: what is there stays. `make-secrets.sh DIR [POSTGRES [REDIS]]`
# names where PostgreSQL and Redis are, as host:port. Keep a copy of WALKER_KEYS elsewhere: without it nothing encrypted is read again.
set -eu
folder=${1:?name the folder} postgres=${2:-127.0.0.1:5432} redis=${3:-127.0.0.1:6379}
umask 077
mkdir -p "$folder"
random() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
keep() { [ -e "$folder/$1" ] || printf '%s\n' "$2" > "$folder/$1"; }

keep SECRET_KEY "$(random 48)"
keep WALKER_KEYS "1:$(head -c 32 /dev/urandom | base64 | tr -d '\n')"
keep METRICS_TOKEN "$(random 24)"
keep POSTGRES_PASSWORD "$(random 24)"
keep DATABASE_URL "postgresql://walker_app:$(random 24)@$postgres/walker"
keep DATABASE_OWNER_URL "postgresql://walker_owner:$(random 24)@$postgres/walker"
keep DATABASE_ADMIN_URL "postgresql://postgres:$(cat "$folder/POSTGRES_PASSWORD")@$postgres/walker"
password=$(random 24)
if ! [ -e "$folder/REDIS_URL" ]; then
  # The address last: without it both are made again, as they share the password.
  printf 'requirepass %s\nappendonly yes\nmaxmemory-policy noeviction\n' "$password" > "$folder/REDIS_CONF"
  printf 'redis://:%s@%s/0\n' "$password" "$redis" > "$folder/REDIS_URL"
fi
