#!/bin/sh
# PostgreSQL as the official image starts it, as far as compose.yaml asks for it: not in a directory of root's.
set -e
data=/var/lib/postgresql/data
own="setpriv --reuid=70 --regid=70 --clear-groups"
if [ ! -s $data/PG_VERSION ]; then
  chown 70:70 $data
  install -o 70 -m 400 "$POSTGRES_PASSWORD_FILE" /tmp/password
  $own initdb -D $data -U "$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 >/dev/null
  echo "host all all all scram-sha-256" >>$data/pg_hba.conf
  $own pg_ctl -D $data -w -o "-c listen_addresses= -k /tmp" start >/dev/null
  PGPASSWORD=$(cat /tmp/password) $own createdb -h /tmp -U "$POSTGRES_USER" "$POSTGRES_USER"
  $own pg_ctl -D $data -w stop >/dev/null
fi
exec $own postgres -D $data -c "listen_addresses=*" -k /tmp
