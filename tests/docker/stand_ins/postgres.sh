# What the official image's entry point does with its variables.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth=scram-sha-256 >/dev/null
    pg_ctl --pgdata="$PGDATA" --options="-c listen_addresses=" --wait start >/dev/null
    PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")" createdb --username="$POSTGRES_USER" \
        --host=/run/postgresql --maintenance-db=postgres "$POSTGRES_DB"
    pg_ctl --pgdata="$PGDATA" --wait stop >/dev/null
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
exec postgres -c listen_addresses='*'
