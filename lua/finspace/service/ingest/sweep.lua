return { when_due = function() end }
