--- `finspace completion`
local completion = {}

function completion.define(command)
  command:argument("shell", "bash or zsh."):choices({ "bash", "zsh" }):argname("SHELL")
  command:epilog(
    "Examples:\n"
      .. "  finspace completion bash > ~/.local/share/bash-completion/completions/finspace\n"
      .. "  finspace completion zsh > ~/.zfunc/_finspace"
  )
end

-- Everything is defined for once, every operation of the model with every member.
function completion.run(options, out, whole_parser)
  local parser = whole_parser(require("argparse"))
  out:print((parser["get_" .. options.shell .. "_complete"](parser):gsub("\n$", "")))
end

return completion
