# Valkey from its wheel, with Debian's client, in the place of the official image.
FROM localhost/servers:test
COPY valkey-server /usr/local/bin/valkey-server
RUN ln -s /usr/bin/redis-cli /usr/local/bin/valkey-cli && install --directory --owner 999 --group 999 /data
VOLUME /data
