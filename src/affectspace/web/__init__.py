"""The HTTP services and their pages; what is in here needs the extra `annotate` or `serve`.

What all services share: `service.py` (an application with its guards), `guard.py` (headers, hosts,
origins, sizes, rates), `refusals.py` (errors in words), `tokens.py` (links, sessions), `files.py`
(packaged pages), `sound.py` (audio as a browser plays it), `running.py` (uvicorn on an address),
`embedders.py` (processes that embed).
"""
