// Asks the browser for a security key before a form marked data-security-key is sent. Needs mfa/js/webauthn-json.js.
(() => {
  'use strict'
  const form = document.querySelector('form[data-security-key]')
  const problem = document.getElementById('security-key-problem')
  if (!form || !problem) return
  const options = JSON.parse(document.getElementById('security-key-options').textContent)

  const { word } = window.Inversight
  const say = (text) => {
    problem.querySelector('p').textContent = text
    problem.hidden = false
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    problem.hidden = true
    if (!window.PublicKeyCredential) {
      say(word('This browser cannot use security keys here. Use another browser, or open this site by its https address.'))
      return
    }
    try {
      const made = form.dataset.securityKey === 'add'
        ? await window.webauthnJSON.create(options.creation_options)
        : await window.webauthnJSON.get(options.request_options)
      form.elements.credential.value = JSON.stringify(made)
      form.submit()
    } catch (error) {
      say(error.name === 'InvalidStateError'
        ? word('This key is added already. Use another one.')
        : error.name === 'SecurityError'
          ? word('Security keys need this site to be opened by its name, not by a number.')
          : word('No key answered. Plug it in or hold it near, then try again.'))
    }
  })
})()
