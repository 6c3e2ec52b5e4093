return { build = function() end }
