#!/bin/sh
# What a person with curl does in an incident: each endpoint in turn, then the service's own health page.
# Needs MAINTAINX_BASE_URL, MAINTAINX_API_KEY and INTEGRATION_HEALTH_URL.
for endpoint in users workorders assets locations; do
  code=$(curl -s -o /dev/null -w '%{http_code}' \
    -H "Authorization: Bearer $MAINTAINX_API_KEY" "$MAINTAINX_BASE_URL/$endpoint?limit=1")
  printf '%-12s HTTP %s\n' "/$endpoint" "$code"
done
curl -s "$INTEGRATION_HEALTH_URL" || echo 'the service does not answer'
echo
