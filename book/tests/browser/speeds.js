// How long `player` waits from step to step at each speed, also when it is chosen while it plays.
(() => {
    const heard = [];
    const [was, stop] = [window.setInterval, window.clearInterval];
    window.setInterval = (_, millis) => heard.push(millis);
    window.clearInterval = () => {};
    const [speed] = player.querySelectorAll('.trace-tools select');
    const choose = (value) => {
        speed.value = value;
        speed.dispatchEvent(new Event('change'));
    };
    const play = () => player.querySelectorAll('.trace-controls button')[1].click();
    choose('2');
    play();
    ['1', '0.5', '4'].forEach(choose);
    play();
    choose('1');
    window.setInterval = was;
    window.clearInterval = stop;
    return heard.join() === '350,700,1400,175' ? [] : [`its pauses were ${heard}`];
})()
