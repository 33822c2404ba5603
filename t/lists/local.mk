# SPDX-License-Identifier: MIT
c_tests += %D%/backup_test %D%/complete_test
script_tests += %D%/curl_uses_exports.t %D%/detection.t %D%/encodings.t %D%/formats_out.t %D%/forms.t %D%/memory.t %D%/messages.t %D%/metadata.t %D%/proxywhirl.t %D%/schemes.t %D%/several.t
EXTRA_DIST += %D%/README.md %D%/recorder.py %D%/samples/by_scheme.json %D%/samples/clash.yaml %D%/samples/geonode.json \
    %D%/samples/jhao104.jsonl %D%/samples/monosans.json %D%/samples/plain.txt %D%/samples/proxybroker.json \
    %D%/samples/proxychains.conf %D%/samples/proxyscrape.json %D%/samples/proxywhirl_storage.json \
    %D%/samples/sections.txt %D%/samples/semicolons.csv %D%/samples/socks5.txt %D%/samples/table.csv \
    %D%/samples/tabs.tsv %D%/samples/urls.txt %D%/samples/vendor.txt %D%/samples/webshare.json
