"""Manifests of clusters for tests: the smallest, and one with every key."""

CLUSTER = "apiVersion: orchestrator/v1\nkind: Cluster\nmetadata: {name: studio}\nspec:\n"
NODE = "apiVersion: orchestrator/v1\nkind: Node\nmetadata: {name: desk}\n"
QUICK = CLUSTER + "  kind: quick\n"
MANAGED = CLUSTER + "  kind: managed\n"
ONE_NODE = MANAGED + "  nodes:\n    - {name: n1, services: {render: {}}}\n"

EVERY_KEY = """\
apiVersion: orchestrator/v1
kind: Cluster
metadata:
  name: studio
  displayName: The studio
  description: a farm by night
  annotations: {owner: ops}
spec:
  kind: managed
  controller:
    host: ctrl.lan
    user: farm
    ssh:
      port: 2222
      identityFile: ~/.ssh/ctrl
      proxyJump: bastion.lan
      agent: true
      hostKey: SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU
  acceptUnmanaged: true
  user: render
  storage: {path: /mnt/studio/storage, deleteAfterDays: 3, copy: never}
  network:
    discovery: false
    ports: {from: 50000, count: 100}
    addresses: [10.0.4.0/28, 10.0.5.1]
    interface: en0
  access:
    userPassword: {file: /etc/orchestrator/user}
    adminPassword: {env: STUDIO_ADMIN}
    servicePassword: {keyring: studio}
    open: true
    executables: [/usr/bin/blender]
    webhooks: [10.0.4.7]
  limits:
    queuedBatches: 10
    activeTargets: 4
    activeSegments: 40
    licences: {maya: {cluster: 4, host: 1}}
  notify:
    to: [ops@studio.example]
    serviceDownAfter: 2m
    smtp:
      host: mail.lan
      port: 587
      from: farm@studio.example
      user: farm
      password: {env: MAIL}
      tls: tls
    webhooks:
      - {url: "https://hooks.lan/farm", secret: {env: HOOK}, allow: [10.0.4.0/28]}
    commands: [[/usr/local/bin/page, --team, farm]]
  plugins: {allow: [acme-render], deny: [shell]}
  recovery:
    lostAfter: 30s
    orphanStopAfter: 2h
    massLossHold: 1m30s
    tries: 2
    losses: 5
    restarts: 1
  history: {keepDays: 7}
  statusInterval: 10s
  log: {level: debug, truncate: 10MiB}
  nodes:
    - name: n1
      displayName: Node 1
      host: n1.lan
      ssh:
        user: render
        port: 22
        identityFile: /home/farm/.ssh/id
        proxyJump: bastion.lan
        agent: true
        hostKey: SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU
      services:
        compressor: {instances: 2}
        render:
          instances: auto
          extended:
            - host: old.lan
              user: maya
              instances: 2
              programs: {maya: /opt/maya/bin/Render}
              ssh: {user: maya, port: 2200}
      schedule:
        sunday: {onBetween: ["18:00", "24:00"]}
        monday: {onBetween: ["0:00", "8:00"]}
        tuesday: off
        wednesday: {offBetween: [["08:00", "12:00"], ["13:00", "18:00"]]}
        thursday: off
        friday: off
        saturday: off
        holidays: {2026-12-25: on}
        timezone: Europe/Berlin
        atClose: requeue
      programs: {ffmpeg: /opt/ffmpeg}
      paths: {/mnt/studio: /Volumes/studio}
      managedOnly: true
      active: false
      log: {level: warning, truncate: 1GiB}
      network:
        discovery: false
        ports: {from: 60000, count: 10}
        addresses: [10.0.6.0/30]
        interface: en1
      servicePassword: {file: ~/n1}
"""

QUICK_KEYS = """\
apiVersion: orchestrator/v1
kind: Cluster
metadata: {name: corner, displayName: The corner}
spec:
  kind: quick
  controller: {host: corner.lan, ssh: {user: render}}
  services: {compressor: {instances: 2}}
  schedule: {sunday: off}
  programs: {ffmpeg: /opt/ffmpeg}
  network: {ports: {from: 50000, count: 100}}
  log: {level: debug}
  access: {servicePassword: {keyring: corner}}
"""

FREE_KEYS = """\
apiVersion: orchestrator/v1
kind: Node
metadata: {name: desk, displayName: The desk, description: by the window, annotations: {room: "7"}}
spec:
  host: desk.lan
  services: {render: {instances: 3}}
  access: {servicePassword: {file: /etc/service}, open: true}
  managedOnly: true
"""
