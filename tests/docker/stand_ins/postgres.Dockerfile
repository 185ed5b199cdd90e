# Debian's PostgreSQL in the place of the official image: the same user, folders and variables.
FROM localhost/servers:test
RUN groupadd --gid 999 db; useradd --uid 999 --gid 999 --no-create-home db; \
    install --directory --owner 999 --group 999 /var/lib/postgresql/data /run/postgresql
COPY postgres.sh /postgres.sh
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin
VOLUME /var/lib/postgresql/data
CMD ["sh", "/postgres.sh"]
