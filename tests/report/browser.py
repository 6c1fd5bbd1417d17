"""A headless browser that tests drive by keys, clicks and expressions.

It speaks the browser's own protocol over two pipes (file descriptors 3 and 4,
messages of JSON that end in a zero byte), so that nothing need be installed
beside the browser: https://chromedevtools.github.io/devtools-protocol/.
"""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import time

PROGRAM = next(
  filter(None, map(shutil.which, ('chromium', 'google-chrome', 'chrome'))), None
)
_FLAGS = (
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--remote-debugging-pipe',
)
_CODES = {
  'ArrowLeft': 37,
  'ArrowUp': 38,
  'ArrowRight': 39,
  'ArrowDown': 40,
  'Escape': 27,
  'Enter': 13,
  'Tab': 9,
  'Home': 36,
  'End': 35,
}
# The number of nodes, and the text of one, by a selector.
ALL = 'document.querySelectorAll({!r}).length'
TEXT = 'document.querySelector({!r}).textContent'


def pick(tab, name, value):
  """Chooses in a list, or types into a field, as a reader does."""
  tab(
    f'(() => {{ const field = document.querySelector({json.dumps(name)});'
    f' field.value = {json.dumps(value)};'
    " field.dispatchEvent(new Event('change', {bubbles: true})); })()"
  )


def luminance(colour):
  """Relative luminance of 'rgb(r, g, b)' (WCAG 2.1)."""
  channels = [float(x) / 255 for x in colour[4:-1].split(',')]
  linear = [
    c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
    for c in channels
  ]
  return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear))


class Browser:
  """One tab of one browser, ended by `close`.

  Attributes:
    messages: what the page wrote to the console, and its uncaught errors.
    requests: addresses that the page asked for, itself and data apart.
  """

  def __init__(self, profile):
    to_child, self._write = os.pipe()
    self._read, from_child = os.pipe()
    for end in (to_child, from_child):
      os.set_inheritable(end, True)
    words = [PROGRAM, *_FLAGS, f'--user-data-dir={profile}', 'about:blank']
    # A shell moves the pipes to the two numbers that the browser reads.
    script = f'exec "$@" 3<&{to_child} 4>&{from_child}'
    self._process = subprocess.Popen(
      ['bash', '-c', script, 'bash', *words],
      pass_fds=(to_child, from_child),
      stdout=subprocess.DEVNULL,
      stderr=subprocess.DEVNULL,
    )
    os.close(to_child)
    os.close(from_child)
    self._buffer, self._numbers, self._events = b'', itertools.count(1), []
    self.messages, self.requests = [], []
    self._session, self._own = None, 'about:blank'
    targets = self._send('Target.getTargets')['targetInfos']
    target = next(t['targetId'] for t in targets if t['type'] == 'page')
    self._session = self._send(
      'Target.attachToTarget', targetId=target, flatten=True
    )['sessionId']
    for domain in ('Page', 'Runtime', 'Network', 'Log'):
      self._send(f'{domain}.enable')

  def _next(self, timeout):
    """The next message of the browser."""
    until = time.monotonic() + timeout
    while b'\0' not in self._buffer:
      left = until - time.monotonic()
      if left <= 0 or not select.select([self._read], [], [], left)[0]:
        raise TimeoutError('the browser does not answer')
      part = os.read(self._read, 1 << 20)
      if not part:
        raise EOFError('the browser has ended')
      self._buffer += part
    text, _, self._buffer = self._buffer.partition(b'\0')
    message = json.loads(text)
    self._note(message)
    return message

  def _note(self, message):
    method, values = message.get('method'), message.get('params', {})
    if method == 'Runtime.consoleAPICalled':
      self.messages.append(str(values['args']))
    elif method == 'Runtime.exceptionThrown':
      self.messages.append(str(values['exceptionDetails']))
    elif method == 'Log.entryAdded':
      self.messages.append(values['entry']['text'])
    elif method == 'Network.requestWillBeSent':
      address = values['request']['url']
      own = address.partition('#')[0] == self._own
      # Blobs are files that the page has made itself.
      if not own and not address.startswith(('data:', 'blob:')):
        self.requests.append(address)
    if method:
      self._events.append(method)

  def _send(self, method, timeout=60, **values):
    number = next(self._numbers)
    message = {'id': number, 'method': method, 'params': values}
    if self._session:
      message['sessionId'] = self._session
    os.write(self._write, json.dumps(message).encode() + b'\0')
    while True:
      answer = self._next(timeout)
      if answer.get('id') == number:
        assert 'error' not in answer, (method, answer['error'])
        return answer['result']

  def open(self, address):
    """Opens an address and waits until it is loaded."""
    # A link that differs in its end alone would not load the page anew.
    self._own = 'about:blank'
    self._send('Page.navigate', url=self._own)
    self._settle()
    self._events.clear()
    self._own = address.partition('#')[0]
    self._send('Page.navigate', url=address)
    self._wait('Page.loadEventFired')
    self._settle()

  def _wait(self, event, timeout=60):
    while event not in self._events:
      self._next(timeout)

  def _settle(self):
    self('new Promise((done) => setTimeout(done, 150))')

  def reloaded(self):
    """Waits until the page has loaded itself again."""
    self._events.clear()
    self._wait('Page.loadEventFired')
    self._settle()

  def __call__(self, expression):
    """The value of an expression of the page, as JSON has it."""
    answer = self._send(
      'Runtime.evaluate',
      expression=expression,
      returnByValue=True,
      awaitPromise=True,
      userGesture=True,
    )
    assert 'exceptionDetails' not in answer, answer['exceptionDetails']
    return answer['result'].get('value')

  def size(self, width, height, phone=False):
    """Of the window in pixels."""
    self._send(
      'Emulation.setDeviceMetricsOverride',
      width=width,
      height=height,
      deviceScaleFactor=1,
      mobile=phone,
    )
    self._settle()

  def dark(self, wanted):
    """Whether the reader prefers dark pages."""
    feature = {
      'name': 'prefers-color-scheme',
      'value': 'dark' if wanted else 'light',
    }
    self._send('Emulation.setEmulatedMedia', features=[feature])
    self._settle()

  def print_look(self, wanted):
    """Whether the page is seen as it is printed."""
    media = 'print' if wanted else ''
    self._send('Emulation.setEmulatedMedia', media=media)
    self._settle()

  def allow_clipboard(self):
    """Lets the page write to the clipboard, and tests read it."""
    session, self._session = self._session, None
    self._send(
      'Browser.grantPermissions',
      permissions=['clipboardReadWrite', 'clipboardSanitizedWrite'],
    )
    self._session = session

  def save_to(self, folder):
    """Lets the page save files, without asking, to a folder."""
    session, self._session = self._session, None
    self._send(
      'Browser.setDownloadBehavior',
      behavior='allow',
      downloadPath=str(folder),
    )
    self._session = session

  def key(self, name):
    """Presses a key on what has the focus."""
    shift = name.startswith('Shift+')
    name = name.removeprefix('Shift+')
    values = {
      'key': name,
      'code': name,
      'windowsVirtualKeyCode': _CODES[name],
      'modifiers': 8 if shift else 0,
    }
    if name == 'Enter':
      values['text'] = '\r'
    self._send('Input.dispatchKeyEvent', type='keyDown', **values)
    values.pop('text', None)
    self._send('Input.dispatchKeyEvent', type='keyUp', **values)

  def place(self, selector):
    """Middle of a node in the window, once it is scrolled into view."""
    script = f"""(() => {{
      const node = document.querySelector({json.dumps(selector)});
      node.scrollIntoView({{block: 'center', inline: 'center'}});
      const box = node.getBoundingClientRect();
      return [box.left + box.width / 2, box.top + box.height / 2];
    }})()"""
    return self(script)

  def click(self, selector):
    """Clicks the middle of a node with the mouse."""
    self.drag(self.place(selector))

  def drag(self, start, end=None):
    """Presses the mouse at a place and lets it go there or elsewhere."""
    self._mouse('mouseMoved', start)
    self._mouse('mousePressed', start)
    for part in (0.3, 0.7, 1.0) if end else ():
      self._mouse(
        'mouseMoved', [a + part * (b - a) for a, b in zip(start, end)], 1
      )
    self._mouse('mouseReleased', end or start)
    self._settle()

  def _mouse(self, kind, place, buttons=0):
    pressed = kind != 'mouseMoved' or buttons
    self._send(
      'Input.dispatchMouseEvent',
      type=kind,
      x=place[0],
      y=place[1],
      button='left' if pressed else 'none',
      buttons=buttons,
      clickCount=1,
    )

  def picture(self, path, whole=False):
    """Writes what is seen as PNG; `whole`: the page down to its end."""
    image = self._send(
      'Page.captureScreenshot', format='png', captureBeyondViewport=whole
    )
    path.write_bytes(base64.b64decode(image['data']))

  def close(self):
    """Ends the browser."""
    self._session = None
    with contextlib.suppress(OSError, TimeoutError, EOFError):
      self._send('Browser.close', timeout=10)
    try:
      self._process.wait(10)
    except subprocess.TimeoutExpired:
      self._process.kill()
    os.close(self._read)
    os.close(self._write)
